//! The least that a session over a layer, a sealed cookie and typed fields as JSON may cost: no expiry, no limits, one lock
//! for all, nothing about caches, nothing ever freed, and no word on what goes wrong. What a library gives is paid above it.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, AeadCore as _, AeadInPlace as _, Payload},
};
use axum::{
    Router,
    extract::FromRequestParts,
    http::{HeaderValue, Request, StatusCode, header, request::Parts},
    response::Response,
    routing::get,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bench_harness::{Adapter, TEXT};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tower::{Layer, Service};
use uuid::Uuid;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "sketch",
    counts: true,
    build: |_| router(),
};

const NAME: &str = "sid";
const NONCE: usize = 12;

#[derive(Default, Serialize, Deserialize)]
struct Visit {
    count: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct Profile {
    name: String,
    email: String,
    city: String,
    street: String,
    company: String,
    theme: String,
    language: String,
    note: String,
    visits: u64,
    level: u64,
}

/// What is shared by all requests.
struct Shared {
    cipher: Aes256Gcm,
    /// Each a view as JSON.
    sessions: Mutex<HashMap<Uuid, Arc<str>>>,
    /// Cookies that opened once.
    opened: Mutex<HashMap<Box<[u8]>, Uuid>>,
}

#[derive(Clone)]
struct SketchLayer(Arc<Shared>);

#[derive(Clone)]
struct SketchService<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// From the layer to the extractor, and back.
struct Place {
    shared: Arc<Shared>,
    session: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    id: Option<Uuid>,
    json: Option<Arc<str>>,
    is_new: bool,
}

#[derive(Clone)]
struct Session(Arc<Place>);

impl<S> Layer<S> for SketchLayer {
    type Service = SketchService<S>;

    fn layer(&self, inner: S) -> SketchService<S> {
        let shared = Arc::clone(&self.0);
        SketchService { inner, shared }
    }
}

impl<S, B> Service<Request<B>> for SketchService<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let place = Arc::new(Place {
            shared: Arc::clone(&self.shared),
            session: Mutex::default(),
        });
        request.extensions_mut().insert(Session(Arc::clone(&place)));
        let inner = self.inner.call(request);
        ResponseFuture { inner, place }
    }
}

pin_project! {
    struct ResponseFuture<F> {
        #[pin]
        inner: F,
        place: Arc<Place>,
    }
}

impl<F: Future<Output = Result<Response, E>>, E> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Found {
            id: Some(id),
            is_new: true,
            ..
        } = *this.place.session.lock()
        {
            let cookie = this.place.shared.cookie(id);
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Poll::Ready(Ok(response))
    }
}

impl Shared {
    fn cookie(&self, id: Uuid) -> HeaderValue {
        let nonce = Aes256Gcm::generate_nonce(rand::thread_rng());
        let mut sealed = [&nonce[..], id.as_bytes()].concat();
        let (aad, text) = (NAME.as_bytes(), &mut sealed[NONCE..]);
        let tag = self.cipher.encrypt_in_place_detached(&nonce, aad, text);
        sealed.extend_from_slice(&tag.expect("short"));
        let sealed = BASE64_STANDARD.encode(sealed);
        let cookie = format!("{NAME}={sealed}; HttpOnly; SameSite=Lax; Secure; Path=/");
        HeaderValue::try_from(cookie).expect("ASCII")
    }

    fn open(&self, sealed: &[u8]) -> Option<Uuid> {
        let mut opened = self.opened.lock();
        if let Some(id) = opened.get(sealed) {
            return Some(*id);
        }
        let decoded = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, msg) = decoded.split_at_checked(NONCE)?;
        let aad = NAME.as_bytes();
        let nonce = Nonce::from_slice(nonce);
        let id = self.cipher.decrypt(nonce, Payload { msg, aad }).ok()?;
        let id = Uuid::from_slice(&id).ok()?;
        opened.insert(sealed.into(), id);
        Some(id)
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let session: Option<&Self> = parts.extensions.get();
        let session = session.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?.clone();
        let Place {
            shared,
            session: found,
        } = &*session.0;
        let cookies = parts.headers.get(header::COOKIE).map(HeaderValue::as_bytes);
        let id = cookies.and_then(|cookies| {
            let mut pairs = cookies.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let sealed =
                pairs.find_map(|pair| pair.strip_prefix(NAME.as_bytes())?.strip_prefix(b"="))?;
            shared.open(sealed)
        });
        if let Some(id) = id {
            let json = shared.sessions.lock().get(&id).cloned();
            *found.lock() = Found {
                id: Some(id),
                json,
                is_new: false,
            };
        }
        Ok(session)
    }
}

impl Session {
    fn read<T: DeserializeOwned + Default>(&self) -> T {
        let json = self.0.session.lock().json.clone();
        json.map_or_else(T::default, |json| from(&json))
    }

    fn update<T: DeserializeOwned + Serialize + Default, R>(
        &self,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut found = self.0.session.lock();
        let id = *found.id.get_or_insert_with(Uuid::new_v4);
        let mut sessions = self.0.shared.sessions.lock();
        let json = sessions.get(&id);
        found.is_new = json.is_none();
        let mut view = json.map_or_else(T::default, |json| from(json));
        let result = change(&mut view);
        let json: Arc<str> = serde_json::to_string(&view).expect("plain fields").into();
        found.json = Some(Arc::clone(&json));
        sessions.insert(id, json);
        result
    }
}

fn from<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("as it was written")
}

fn router() -> Router {
    let shared = Shared {
        cipher: Aes256Gcm::new(&Aes256Gcm::generate_key(rand::thread_rng())),
        sessions: Mutex::default(),
        opened: Mutex::default(),
    };
    Router::new()
        .route("/unused", get(async || "x"))
        .route("/read", get(read))
        .route("/update", get(update))
        .route("/set", get(update))
        .route("/fill", get(fill))
        .route("/read_one", get(read_one))
        .route("/write_one", get(write_one))
        .layer(SketchLayer(Arc::new(shared)))
}

async fn read(session: Session) -> String {
    session.read::<Visit>().count.to_string()
}

async fn update(session: Session) -> String {
    let count = session.update(|visit: &mut Visit| {
        visit.count += 1;
        visit.count
    });
    count.to_string()
}

async fn fill(session: Session) -> &'static str {
    session.update(|profile| {
        *profile = Profile {
            name: TEXT.into(),
            email: TEXT.into(),
            city: TEXT.into(),
            street: TEXT.into(),
            company: TEXT.into(),
            theme: TEXT.into(),
            language: TEXT.into(),
            note: TEXT.into(),
            visits: 1,
            level: 1,
        };
    });
    "x"
}

async fn read_one(session: Session) -> String {
    session.read::<Profile>().visits.to_string()
}

async fn write_one(session: Session) -> String {
    let visits = session.update(|profile: &mut Profile| {
        profile.visits += 1;
        profile.visits
    });
    visits.to_string()
}
