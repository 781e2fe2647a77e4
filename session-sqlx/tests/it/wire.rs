//! What PostgreSQL and one connection say to each other.

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::postgres::Schema;

/// A way to the server for one connection, on which is heard what the client says, and `None` when the server speaks.
pub(crate) async fn overheard(
    schema: &Schema,
    hear: impl FnMut(Option<&[u8]>) + Send + 'static,
) -> PgConnectOptions {
    let options: PgConnectOptions = schema.server.parse().expect("a URL");
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(pass_on(listener, server, hear));
    options.host("127.0.0.1").port(port)
}

async fn pass_on(listener: TcpListener, server: String, mut hear: impl FnMut(Option<&[u8]>)) {
    let (mut client, _) = listener.accept().await.expect("a client");
    let mut server = TcpStream::connect(server).await.expect("the server");
    let (mut asked, mut answered) = ([0; 16_384], [0; 16_384]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(len @ 1..) = read else { return };
                hear(Some(&asked[..len]));
                server.write_all(&asked[..len]).await.expect("passed on");
            }
            read = server.read(&mut answered) => {
                let Ok(len @ 1..) = read else { return };
                hear(None);
                client.write_all(&answered[..len]).await.expect("passed on");
            }
        }
    }
}
