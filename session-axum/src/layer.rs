//! [`SessionLayer`]: the options, and the layer itself.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, OnceLock},
    time::Duration,
};

use cookie::SameSite;
use session_core::{AtLimit, Backend, Policy, ReplayPolicy, SessionStore};
use tower_layer::Layer;

use crate::{
    ConfigError, Key, Sessions, Timeouts,
    config::{Config, SkipRule, Timing},
    cookie::Template,
    runtime::Tokio,
    seal::Sealer,
    service::SessionService,
};

/// Gives sessions to the routes and middleware that were added to the router before it: in `store`, with tokens
/// sealed by `key`.
///
/// Cheap to clone. Every option has a default that suits production; in production, also name the cookie
/// `__Host-sid`, which browsers protect from sibling domains (OWASP ASVS 5, 3.3.1 and 3.3.3).
///
/// Options are checked all together when the layer is put on a router, which panics with the words of
/// [`ConfigError`]; [`check`](Self::check) gives the error instead.
///
/// ```
/// use std::time::Duration;
/// use session_axum::{Key, MemoryStore, SessionLayer};
///
/// let layer = SessionLayer::new(MemoryStore::new(), Key::generate())
///     .cookie_name("__Host-sid")
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .check()?;
/// # let _ = layer;
/// # Ok::<(), session_axum::ConfigError>(())
/// ```
///
/// `L` marks the layer: with [`named`](Self::named) two layers, each with its own store, cookie and marker,
/// live in one app, and `TypedSession<T, Admin>` takes the session of the one marked `Admin`.
pub struct SessionLayer<L = ()> {
    pub(crate) config: Arc<Config>,
    marker: PhantomData<fn() -> L>,
}

impl SessionLayer {
    /// Sessions in `store`, with tokens sealed by `key`.
    #[must_use]
    pub fn new(store: impl SessionStore, key: Key) -> Self {
        Self::named(store, key)
    }

    /// A layer marked `L`, beside others. Give it a [`cookie_name`](Self::cookie_name) of its own: on a route that has
    /// another layer of the same name, or with its token header, the extractors are rejected
    /// ([`OneCookie`](crate::SessionRejection::OneCookie)).
    ///
    /// ```
    /// use session_axum::{Key, MemoryStore, SessionLayer};
    ///
    /// struct Admin;
    ///
    /// let admin = SessionLayer::named::<Admin>(MemoryStore::new(), Key::generate()).cookie_name("admin");
    /// # let _ = admin.check();
    /// ```
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a key is given away")]
    pub fn named<L>(store: impl SessionStore, key: Key) -> SessionLayer<L> {
        SessionLayer {
            config: Arc::new(Config {
                backend: Arc::new(Backend::new(store, Policy::default(), Tokio)),
                timing: Timing::default(),
                sealer: Sealer::new("sid".to_owned(), &key),
                template: Template {
                    http_only: true,
                    secure: true,
                    same_site: SameSite::Lax,
                    path: "/".to_owned(),
                    domain: None,
                    partitioned: false,
                    attributes: OnceLock::new(),
                },
                former: None,
                cookies: true,
                token_header: None,
                skip: Vec::new(),
                verdict: OnceLock::new(),
            }),
            marker: PhantomData,
        }
    }
}

/// The cookie.
impl<L> SessionLayer<L> {
    /// The cookie's name. Default: `"sid"`; in production, `"__Host-sid"`.
    #[must_use]
    pub fn cookie_name(self, name: impl Into<String>) -> Self {
        self.with(|config| config.sealer = config.sealer.named(name.into()))
    }

    /// Hides the cookie from scripts. Default: `true` (ASVS 5, 3.3.4).
    #[must_use]
    pub fn http_only(self, http_only: bool) -> Self {
        self.with(|config| config.template.http_only = http_only)
    }

    /// Sends the cookie over https only. Default: `true` (ASVS 5, 3.3.1). Over plain http no browser keeps a secure
    /// cookie, except from loopback addresses in some of them.
    #[must_use]
    pub fn secure(self, secure: bool) -> Self {
        self.with(|config| config.template.secure = secure)
    }

    /// With which requests from other sites the cookie is sent. Default: [`SameSite::Lax`] (ASVS 5, 3.3.2);
    /// `Strict` would lose the session at the return from a sign-in page elsewhere.
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        self.with(|config| config.template.same_site = same_site)
    }

    /// Below which path the cookie is sent. Default: `"/"`.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        self.with(|config| config.template.path = path.into())
    }

    /// Sends the cookie to this domain and all below it. Default: none, only to the host that set it.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        self.with(|config| config.template.domain = Some(domain.into()))
    }

    /// Keeps a cookie of its own for each site that embeds this one (CHIPS). Default: `false`.
    #[must_use]
    pub fn partitioned(self, partitioned: bool) -> Self {
        self.with(|config| config.template.partitioned = partitioned)
    }

    /// For how long the browser keeps the cookie. Default: zero, until the browser closes. At least a second,
    /// cut to 400 days and to what is left of the [`absolute_timeout`](Self::absolute_timeout);
    /// renewed with the expiry. From 30 days on, where the default of that limit is the `max_age` itself, no activity
    /// renews it: the session ends so long after its start, unless a longer `absolute_timeout` is named.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        self.timing(|timing| timing.max_age = max_age)
    }

    /// Where the cookie lived before a change of [`path`](Self::path) or [`domain`](Self::domain). Default: nowhere else.
    ///
    /// A browser that still has that cookie sends both, and two different sessions are none; so where two are seen that
    /// open, the former one is removed, by the first response that has nothing else to say of the cookie. Until then writes
    /// start no session, unless they log somebody in: their cookie would be one of two again.
    #[must_use]
    pub fn former_cookie(self, path: impl Into<String>, domain: Option<&str>) -> Self {
        self.with(|config| {
            config.former = Some((path.into(), domain.map(str::to_owned)));
        })
    }

    /// Also takes the sealed token from `Authorization: Bearer …`, and gives it in this response header, for clients
    /// without cookies. Default: cookies only. A token never travels in a URL.
    ///
    /// A request speaks one of both languages: one with a bearer token, or one that names the header (its value
    /// aside) to ask for its first token, is answered in the header, and its cookies are neither read nor set.
    /// An empty header means: forget the token.
    #[must_use]
    pub fn token_header(self, name: impl Into<String>) -> Self {
        self.with(|config| config.token_header = Some(name.into()))
    }

    /// Whether cookies are read and set at all. Default: `true`; `false` leaves only the
    /// [`token_header`](Self::token_header). The [`cookie_name`](Self::cookie_name) still counts: the seal is bound to it.
    #[must_use]
    pub fn cookies(self, cookies: bool) -> Self {
        self.with(|config| config.cookies = cookies)
    }

    /// Older keys that still open cookies; what they opened is sealed anew with the first key. Default: none.
    ///
    /// To change the key of an app that runs on several machines: first deploy the new key as a fallback everywhere,
    /// then as the first key with the old one as a fallback, and drop the old one after the longest time that a session
    /// may be idle, those that are [remembered](session_core::Session::remember) included.
    #[must_use]
    pub fn fallback_keys(self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.with(|config| config.sealer = config.sealer.with_fallback(keys))
    }
}

/// The session's life.
impl<L> SessionLayer<L> {
    /// How long a session lives without activity, by the server's clock (ASVS 5, 7.3.1).
    /// Default: 24 hours, or [`max_age`](Self::max_age).
    ///
    /// As touches are throttled, it may be shorter by up to one [`touch_interval`](Self::touch_interval). One of more
    /// than 30 days is cut by the default [`absolute_timeout`](Self::absolute_timeout): name that one, too.
    #[must_use]
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.timing(|timing| timing.idle = Some(timeout))
    }

    /// How long a session lives in all, whatever the activity (ASVS 5, 7.3.2).
    /// Default: 30 days, or [`max_age`](Self::max_age) if that is longer.
    #[must_use]
    pub fn absolute_timeout(self, timeout: Duration) -> Self {
        self.timing(|timing| timing.absolute = Some(timeout))
    }

    /// The expiry is renewed at most this often: the price of activity is one store call in each interval.
    /// Default: a twentieth of the idle timeout, or of [`max_age`](Self::max_age) if that is shorter. Must be shorter
    /// than both.
    #[must_use]
    pub fn touch_interval(self, interval: Duration) -> Self {
        self.timing(|timing| timing.touch = Some(interval))
    }

    /// Both timeouts at once, such as a [preset](crate::Timeouts) of NIST's assurance levels.
    #[must_use]
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        self.idle_timeout(timeouts.idle)
            .absolute_timeout(timeouts.absolute)
    }

    /// Gives every session a new generation this often, at the first request after it (OWASP: renewal timeout).
    /// Default: never by itself.
    ///
    /// Requests beside the rotation still work with the previous token, and each of their responses carries the
    /// current one: until [`rotation_grace`](Self::rotation_grace) after the client first showed the current one,
    /// and at the latest that long after one further period, so that a client that lost the response with the new
    /// token is not logged out. Never after a change of owner or an explicit `rotate()`.
    #[must_use]
    pub fn rotate_every(self, period: Duration) -> Self {
        self.policy(|policy| policy.rotate_every = Some(period))
    }

    /// What becomes of a session whose older token turns up after its grace. Default:
    /// [`ReplayPolicy::Ignore`]. It is traced in any case.
    #[must_use]
    pub fn replay(self, replay: ReplayPolicy) -> Self {
        self.policy(|policy| policy.replay = replay)
    }

    /// How many sessions one owner may have, and what happens at one more (ASVS 5, 7.1.2). Default: any number.
    ///
    /// Costs one look-up at each change of owner, and two calls more for each session that it evicts. Exact in one
    /// process; between several, two log-ins at the same moment may both pass.
    #[must_use]
    pub fn max_sessions_per_owner(self, sessions: usize, at_limit: AtLimit) -> Self {
        self.policy(|policy| policy.max_sessions_per_owner = Some((sessions, at_limit)))
    }

    /// For how long after a rotation a request with the older token counts as one that ran beside it, so that its
    /// writes are dropped instead of starting a new session; and how long the previous token goes on working after
    /// a rotation by [`rotate_every`](Self::rotate_every). Default: 30 seconds.
    #[must_use]
    pub fn rotation_grace(self, grace: Duration) -> Self {
        self.policy(|policy| policy.rotation_grace = grace)
    }
}

/// Limits, and exceptions.
impl<L> SessionLayer<L> {
    /// How large a record may grow, in bytes of names, values and owner. Default: 64 KiB. A commit beyond it fails
    /// and changes nothing. Each request judges by the record as it knows it, so requests that add fields at the same
    /// moment may pass together; the next one that lets it grow does not.
    #[must_use]
    pub fn max_record_size(self, bytes: usize) -> Self {
        self.policy(|policy| policy.max_record_size = bytes)
    }

    /// How long one store call may take, then the client gets a 503. Default: 5 seconds.
    #[must_use]
    pub fn store_timeout(self, timeout: Duration) -> Self {
        self.policy(|policy| policy.store_timeout = timeout)
    }

    /// How long one `update` may wait for others, then it is `SessionError::Contended`. Default: 30 seconds.
    /// A store call under way is not cut short by it: that has its [`store_timeout`](Self::store_timeout).
    #[must_use]
    pub fn update_timeout(self, timeout: Duration) -> Self {
        self.policy(|policy| policy.update_timeout = timeout)
    }

    /// A request with this header and value gets no session handling at all; `"*"` is any value. May be repeated;
    /// one match is enough. Default: none.
    ///
    /// Any client can send any header: this saves work, it is no access control. A handler that takes a
    /// `TypedSession` then answers 400, and one that takes an `Option` of it sees `None`: where it lets shared caches store
    /// its response, it says itself that this varies, for here not even that is done.
    #[must_use]
    pub fn skip_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|config| {
            config.skip.push(SkipRule {
                name: name.into(),
                value: value.into(),
            });
        })
    }

    /// The handle for everything outside a request: the devices of an owner, and "log out everywhere".
    /// Take it after the last option: it keeps those that were named so far.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.config.backend))
    }

    /// This layer, if its options can work together.
    pub fn check(self) -> Result<Self, ConfigError> {
        match self.config.check() {
            Ok(()) => Ok(self),
            Err(error) => Err(error.clone()),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let config = Arc::make_mut(&mut self.config);
        change(config);
        config.verdict = OnceLock::new();
        config.template.attributes = OnceLock::new();
        self
    }

    fn policy(self, change: impl FnOnce(&mut Policy)) -> Self {
        self.with(|config| change(&mut Arc::make_mut(&mut config.backend).policy))
    }

    fn timing(self, change: impl FnOnce(&mut Timing)) -> Self {
        self.with(|config| {
            change(&mut config.timing);
            let timing = config.timing;
            timing.apply(&mut Arc::make_mut(&mut config.backend).policy);
        })
    }
}

impl<S, L> Layer<S> for SessionLayer<L> {
    type Service = SessionService<S, L>;

    /// # Panics
    ///
    /// If the options can't work together, with the words of [`ConfigError`].
    fn layer(&self, inner: S) -> Self::Service {
        if let Err(error) = self.config.check() {
            panic!("SessionLayer: {error}");
        }
        SessionService::new(inner, Arc::clone(&self.config))
    }
}

impl<L> Clone for SessionLayer<L> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            marker: PhantomData,
        }
    }
}

impl<L> fmt::Debug for SessionLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
