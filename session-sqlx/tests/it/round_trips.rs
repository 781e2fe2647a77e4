//! What each call costs on PostgreSQL, counted on the wire.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use session_core::{Committed, Guard, SessionStore, conformance::Harness as _};
use sqlx::postgres::PgPoolOptions;

use crate::{
    ANYTIME, create, postgres::Schema, postgres_faults::PING, set_count, touch, wire::overheard,
};

#[tokio::test]
async fn each_call_is_one_round_trip_and_a_refused_commit_two() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    schema.store().await;
    let trips = Arc::new(AtomicUsize::new(0));
    // How often the client speaks after the server.
    let (count, mut client_spoke) = (Arc::clone(&trips), false);
    let options = overheard(&schema, move |said| {
        let asks = said.is_some_and(|said| said != PING);
        if asks && !client_spoke {
            count.fetch_add(1, Ordering::SeqCst);
        }
        client_spoke = asks;
    });
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options.await);
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
        let stale = Guard {
            version: Some(99),
            ..ANYTIME
        };
        let answer = store.commit(id, stale, &set_count(3)).await;
        assert!(matches!(answer, Ok(Committed::Conflict(_))));
        let trips = trips.swap(0, Ordering::SeqCst);
        assert!(round == 0 || trips == 2, "a refused commit: {trips}");
        store.find_by_owner("ada").await.expect("find");
        count("find_by_owner");
        store.revoke_owner("ada", Some(id)).await.expect("revoke");
        count("revoke_owner");
        store.delete(id).await.expect("delete");
        count("delete");
    }
}
