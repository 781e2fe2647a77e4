//! [`TestClient`]: requests into an app, and the cookies between them.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, header};
use parking_lot::Mutex;
use session_core::{BoxFuture, SessionData};
use tower_service::Service;

use super::{TestResponse, ready::Ready};
use crate::SessionLayer;

/// An app as a function.
type App = Arc<dyn Fn(Request) -> BoxFuture<Response> + Send + Sync>;

/// A client of an app, without a server between: it keeps the cookies that it is given, and sends them.
///
/// Its clones are tabs of the same browser: they share the cookies. A cookie is known by its name alone: every request
/// carries it, whatever its `Path`, `Domain` and `Secure`, until a response removes it.
#[derive(Clone)]
pub struct TestClient {
    app: App,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl TestClient {
    /// A client without cookies, in front of this app: a `Router`, or any other service of axum's requests.
    ///
    /// # Panics
    ///
    /// A request panics if its service fails, which no `Router` does.
    pub fn new<S>(app: S) -> Self
    where
        S: Service<Request> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Error: fmt::Debug,
        S::Future: Send,
    {
        let serve = move |request| -> BoxFuture<Response> {
            let mut app = app.clone();
            Box::pin(async move {
                let ready = poll_fn(|cx| app.poll_ready(cx)).await;
                ready.expect("the app is ready");
                let response = app.call(request).await;
                response.expect("the app answers").into_response()
            })
        };
        Self {
            app: Arc::new(serve),
            cookies: Arc::default(),
        }
    }

    /// Gives this client a session of the layer's store in which the view has this state: every field of it, and
    /// its owner. One store call, a creation.
    ///
    /// # Panics
    ///
    /// Where nothing comes of it: the store fails, the layer takes no cookies, or nothing is in the state, so that a
    /// client without a session reads the same.
    #[track_caller]
    pub fn as_session<T: SessionData, L>(
        self,
        layer: &SessionLayer<L>,
        state: T,
    ) -> impl Future<Output = Self> {
        let ready = Ready::here("as_session");
        async move {
            let name = ready.cookie_of(layer);
            let token = ready.sealed_token(layer, &state).await;
            self.set_cookie(name, &token);
            self
        }
    }

    /// Somebody else: the same app, and no cookies.
    #[must_use]
    pub fn stranger(&self) -> Self {
        Self {
            app: Arc::clone(&self.app),
            cookies: Arc::default(),
        }
    }

    /// The same app, and a copy of the cookies: what somebody has who stole them just now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            app: Arc::clone(&self.app),
            cookies: Arc::new(Mutex::new(self.cookies.lock().clone())),
        }
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().get(name).cloned()
    }

    /// Puts a cookie in.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// `GET path`.
    #[track_caller]
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    /// `POST path`.
    #[track_caller]
    pub fn post(&self, path: &str) -> TestRequest {
        self.request(Method::POST, path)
    }

    /// Any other method.
    ///
    /// # Panics
    ///
    /// If the path is none.
    #[track_caller]
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        let request = Request::builder().method(method).uri(path);
        match request.body(Body::empty()) {
            Ok(request) => self.send(request),
            Err(error) => panic!("{path:?} makes no request: {error}"),
        }
    }

    /// A request made elsewhere. This client's cookies are added to it, unless it has a `Cookie` header.
    pub fn send(&self, request: Request) -> TestRequest {
        TestRequest {
            client: self.clone(),
            state: State::Made(Box::new(request)),
        }
    }

    async fn answer(self, mut request: Request) -> TestResponse {
        if !request.headers().contains_key(header::COOKIE)
            && let Some(cookies) = self.cookie_header()
        {
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        let response = TestResponse::read((self.app)(request).await).await;
        response.keep_cookies(&mut self.cookies.lock());
        response
    }

    fn cookie_header(&self) -> Option<HeaderValue> {
        let cookies = self.cookies.lock();
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<_> = pairs.collect();
        let header = (!pairs.is_empty()).then(|| HeaderValue::try_from(pairs.join("; ")));
        header.map(|header| header.expect("cookies are header values"))
    }
}

/// Without the values of the cookies.
impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies = self.cookies.lock();
        f.debug_struct("TestClient")
            .field("cookies", &cookies.keys())
            .finish_non_exhaustive()
    }
}

/// A request that leaves when it is awaited, with the cookies that its client has at that moment.
///
/// It reads the response to its end. To look at one that has none, such as a stream of events, call the app itself.
#[must_use = "a request leaves when it is awaited"]
pub struct TestRequest {
    client: TestClient,
    state: State,
}

enum State {
    Made(Box<Request>),
    Sent(BoxFuture<TestResponse>),
}

impl TestRequest {
    /// Adds a header.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[track_caller]
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Debug>,
        V: TryInto<HeaderValue, Error: fmt::Debug>,
    {
        let name = name.try_into().expect("a header's name");
        let value = value.try_into().expect("a header's value");
        self.with(|request| {
            request.headers_mut().append(name, value);
        })
    }

    /// The body.
    #[track_caller]
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|request| *request.body_mut() = body.into())
    }

    /// The body, and the type of a form: `name=ada&remember=on`.
    #[track_caller]
    pub fn form(self, form: impl Into<String>) -> Self {
        let form = form.into();
        self.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
    }

    #[track_caller]
    fn with(mut self, change: impl FnOnce(&mut Request)) -> Self {
        match &mut self.state {
            State::Made(request) => change(request),
            State::Sent(_) => panic!("the request has left already"),
        }
        self
    }
}

impl Future for TestRequest {
    type Output = TestResponse;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TestResponse> {
        let this = &mut *self;
        if let State::Made(request) = &mut this.state {
            let request = std::mem::take(&mut **request);
            let answer = this.client.clone().answer(request);
            this.state = State::Sent(Box::pin(answer));
        }
        match &mut this.state {
            State::Sent(answer) => answer.as_mut().poll(cx),
            State::Made(_) => Poll::Pending,
        }
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TestRequest");
        if let State::Made(request) = &self.state {
            text.field("method", request.method())
                .field("uri", request.uri());
        }
        text.finish_non_exhaustive()
    }
}
