//! What each call costs on PostgreSQL, counted on the wire.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use session_core::{SessionStore, conformance::Harness as _};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{ANYTIME, create, postgres::Schema, postgres_faults::PING, set_count, touch};

/// Passes on what one connection says, and counts how often the client speaks after the server.
async fn count_trips(listener: TcpListener, server: String, trips: Arc<AtomicUsize>) {
    let (mut client, _) = listener.accept().await.expect("a client");
    let mut server = TcpStream::connect(server).await.expect("the server");
    let (mut asked, mut answered) = ([0; 16_384], [0; 16_384]);
    let mut client_spoke = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(len @ 1..) = read else { return };
                if !client_spoke && asked[..len] != *PING {
                    trips.fetch_add(1, Ordering::SeqCst);
                }
                client_spoke = asked[..len] != *PING;
                server.write_all(&asked[..len]).await.expect("passed on");
            }
            read = server.read(&mut answered) => {
                let Ok(len @ 1..) = read else { return };
                client_spoke = false;
                client.write_all(&answered[..len]).await.expect("passed on");
            }
        }
    }
}

#[tokio::test]
async fn each_call_is_one_round_trip() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    schema.store().await;
    let options: PgConnectOptions = schema.server.parse().expect("a URL");
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let trips = Arc::new(AtomicUsize::new(0));
    tokio::spawn(count_trips(listener, server, Arc::clone(&trips)));
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options.host("127.0.0.1").port(port));
    let store = schema.store_in(pool.await.expect("through the proxy"));

    // The first round prepares the statements.
    for round in 0..2 {
        let count = |what: &str| {
            let trips = trips.swap(0, Ordering::SeqCst);
            assert!(round == 0 || trips == 1, "{what}: {trips}");
        };
        let id = create(&store).await;
        count("create");
        store.load(id).await.expect("load").expect("alive");
        count("load");
        for patch in [touch(), set_count(2)] {
            store.commit(id, ANYTIME, &patch).await.expect("commit");
            count("commit");
        }
        store.find_by_owner("ada").await.expect("find");
        count("find_by_owner");
        store.revoke_owner("ada", Some(id)).await.expect("revoke");
        count("revoke_owner");
        store.delete(id).await.expect("delete");
        count("delete");
    }
}
