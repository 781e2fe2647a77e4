//! A proxy between a store and its server: a fault strikes when a message is just on its way.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

type Strike = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Passes everything on, until it is told otherwise. Its clones are the same one.
#[derive(Clone)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    server: AtomicU16,
    /// A message that is no question of the store's.
    ignored: &'static [u8],
    trap: Mutex<Option<Trap>>,
    /// What happens to all connections that there are.
    ends: watch::Sender<End>,
}

#[derive(Clone, Copy)]
enum End {
    Cut,
    Stall,
}

enum Trap {
    Message(Strike),
    Reply(Strike),
}

impl Proxy {
    /// In front of a server on loopback. A message that is exactly `ignored` springs no trap.
    pub async fn start(server: u16, ignored: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let inner = Arc::new(Inner {
            server: server.into(),
            ignored,
            trap: Mutex::default(),
            ends: watch::Sender::new(End::Cut),
        });
        let passing = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inner = Arc::clone(&passing);
                tokio::spawn(async move {
                    // Whoever closes, and however, both ends are closed then.
                    let _: io::Result<()> = inner.pass_on(client).await;
                });
            }
        });
        Self { port, inner }
    }

    /// The next message has to wait until `strike` has happened.
    pub fn at_the_next_message(&self, strike: impl Future<Output = ()> + Send + 'static) {
        self.inner.set(Trap::Message(Box::pin(strike)));
    }

    /// The server does what the next message asks; then `strike` happens, and half of the reply is all that comes
    /// before the connection ends.
    pub fn at_the_next_reply(&self, strike: impl Future<Output = ()> + Send + 'static) {
        self.inner.set(Trap::Reply(Box::pin(strike)));
    }

    /// Ends the connections that there are. New ones pass.
    pub fn cut(&self) {
        self.inner.ends.send_replace(End::Cut);
    }

    /// Nothing passes any more on the connections that there are, and they never end. New ones pass.
    pub fn stall(&self) {
        self.inner.ends.send_replace(End::Stall);
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, trap: Trap) {
        *self.lock() = Some(trap);
    }

    fn take(&self, is_it: impl Fn(&Trap) -> bool) -> Option<Strike> {
        match self.lock().take_if(|trap| is_it(trap))? {
            Trap::Message(strike) | Trap::Reply(strike) => Some(strike),
        }
    }

    async fn pass_on(&self, mut client: TcpStream) -> io::Result<()> {
        let mut ends = self.ends.subscribe();
        let port = self.server.load(Ordering::Relaxed);
        let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut asked, mut replied) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut is_asked = false;
        loop {
            tokio::select! {
                biased;
                _ = ends.changed() => {
                    let end = *ends.borrow();
                    match end {
                        End::Cut => return Ok(()),
                        // Held open, and never looked at again.
                        End::Stall => std::future::pending().await,
                    }
                }
                length = client.read(&mut asked) => {
                    let message = &asked[..length?];
                    if message.is_empty() {
                        return Ok(());
                    }
                    is_asked = message != self.ignored;
                    if is_asked && let Some(strike) = self.take(|it| matches!(it, Trap::Message(_))) {
                        strike.await;
                        if ends.has_changed().unwrap_or(true) {
                            continue;
                        }
                    }
                    server.write_all(message).await?;
                }
                length = server.read(&mut replied) => {
                    let reply = &replied[..length?];
                    if reply.is_empty() {
                        return Ok(());
                    }
                    if is_asked && let Some(strike) = self.take(|it| matches!(it, Trap::Reply(_))) {
                        strike.await;
                        return client.write_all(&reply[..reply.len() / 2]).await;
                    }
                    client.write_all(reply).await?;
                }
            }
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
