//! What tests of an application with sessions need: feature `test-util`, for `[dev-dependencies]`.
//!
//! ```toml
//! [dev-dependencies]
//! session-axum = { version = "0.1", features = ["test-util"] }
//! ```
//!
//! No server, no browser, no waiting, and no crate more than without the feature. Let the application be made by a
//! function of its layer, apart from `main`, as below: then tests have layer and store in their hands.
//!
//! # A client that keeps cookies
//!
//! [`TestClient`] sends requests straight into a `Router`, or any other service of axum's requests. Its clones are
//! tabs of one browser, [`stranger`](TestClient::stranger) is somebody else, and [`copy`](TestClient::copy) somebody
//! who stole the cookies just now.
//!
//! ```
//! use axum::{Router, routing::get};
//! use session_axum::{
//!     Key, MemoryStore, SessionData, SessionError, SessionLayer, TypedSession, test_util::TestClient,
//! };
//!
//! #[derive(SessionData)]
//! struct Visit {
//!     count: u64,
//! }
//!
//! async fn count(visit: TypedSession<Visit>) -> Result<String, SessionError> {
//!     let count = visit.update(|visit| {
//!         visit.count += 1;
//!         visit.count
//!     });
//!     Ok(count.await?.to_string())
//! }
//!
//! fn app(layer: SessionLayer) -> Router {
//!     Router::new().route("/", get(count)).layer(layer)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let client = TestClient::new(app(SessionLayer::new(MemoryStore::new(), Key::generate())));
//! assert_eq!(client.get("/").await.body, "1");
//!
//! // A request is a future: here are two of them at once.
//! let beside = tokio::spawn(client.get("/"));
//! client.get("/").header("accept-language", "en").await;
//! beside.await.expect("it does not panic");
//!
//! assert_eq!(client.get("/").await.body, "4");
//! assert_eq!(client.stranger().get("/").await.body, "1");
//! # }
//! ```
//!
//! # A session made ready
//!
//! [`as_session`](TestClient::as_session) gives the client a session whose view has the state that the test needs,
//! its owner included: no way through the log-in form. It takes the layer, for that knows the store, the key and the
//! cookie's name; one that was made a second time with the same will do.
//!
//! ```
//! use axum::{Router, routing::get};
//! use session_axum::{
//!     Key, MemoryStore, SessionData, SessionLayer, TypedSession, test_util::TestClient,
//! };
//!
//! #[derive(SessionData)]
//! struct Account {
//!     #[session(owner, required)]
//!     user: u64,
//!     basket: Vec<String>,
//! }
//!
//! async fn basket(account: TypedSession<Account>) -> String {
//!     format!("{}: {}", account.user(), account.basket().join(", "))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let layer = SessionLayer::new(MemoryStore::new(), Key::generate());
//! let app = Router::new().route("/basket", get(basket)).layer(layer.clone());
//!
//! let basket = vec!["a loom".to_owned()];
//! let ada = TestClient::new(app).as_session(&layer, Account { user: 7, basket }).await;
//! assert_eq!(ada.get("/basket").await.body, "7: a loom");
//! assert_eq!(ada.stranger().get("/basket").await.status, 401);
//! # }
//! ```
//!
//! Another client, or one that brings its token in a header, gets it by [`sealed_token`].
//!
//! # A clock to move
//!
//! [`ManualClock`] stands until the test moves it.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use session_axum::{
//!     Key, MemoryStore, SessionData, SessionLayer, TypedSession,
//!     test_util::{ManualClock, TestClient},
//! };
//!
//! #[derive(SessionData)]
//! struct Visit {
//!     count: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = ManualClock::new();
//! let store = MemoryStore::builder().clock(clock.clone()).build();
//! let layer = SessionLayer::new(store, Key::generate()).idle_timeout(Duration::from_secs(1800));
//! let app = Router::new()
//!     .route("/", get(async |visit: TypedSession<Visit>| visit.count().to_string()))
//!     .layer(layer.clone());
//!
//! let client = TestClient::new(app).as_session(&layer, Visit { count: 7 }).await;
//! clock.advance(Duration::from_secs(1799));
//! assert_eq!(client.get("/").await.body, "7");
//! clock.advance(Duration::from_secs(1800));
//! assert_eq!(client.get("/").await.body, "0");
//! # }
//! ```
//!
//! # A store that counts
//!
//! [`CountingStore`] wraps any store and notes what is called, so that a test can say what a request may cost.
//!
//! ```
//! use axum::{Router, routing::get};
//! use session_axum::{
//!     Key, MemoryStore, SessionData, SessionLayer, TypedSession,
//!     test_util::{CountingStore, StoreCall, TestClient},
//! };
//!
//! #[derive(SessionData)]
//! struct Prefs {
//!     theme: Option<String>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = CountingStore::new(MemoryStore::new());
//! let layer = SessionLayer::new(store.clone(), Key::generate());
//! let app = Router::new()
//!     .route("/about", get("about us"))
//!     .route("/read", get(async |prefs: TypedSession<Prefs>| prefs.theme().unwrap_or_default()))
//!     .route("/dark", get(async |prefs: TypedSession<Prefs>| prefs.set_theme(Some("dark".into()))))
//!     .layer(layer.clone());
//!
//! let light = Prefs { theme: Some("light".into()) };
//! let client = TestClient::new(app).as_session(&layer, light).await;
//! assert_eq!(store.take_calls(), [StoreCall::Create]);
//!
//! client.get("/dark").await;
//! assert_eq!(store.take_calls(), [StoreCall::Load, StoreCall::Commit]);
//!
//! client.get("/read").await.assert_no_set_cookie();
//! assert_eq!(store.take_calls(), [StoreCall::Load]);
//!
//! client.get("/about").await.assert_no_set_cookie();
//! store.assert_store_untouched();
//! # }
//! ```
//!
//! The asserts say what they saw, at the line of the test, and neither they nor any `Debug` here shows the value of
//! a cookie: a test's output may be read by many.

mod client;
mod counting;
mod ready;
mod response;

pub use client::{TestClient, TestRequest};
pub use counting::{CountingStore, StoreCall};
pub use ready::sealed_token;
pub use response::TestResponse;
pub use session_core::ManualClock;
