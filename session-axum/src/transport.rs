//! How tokens travel: in our cookie, or in headers for clients without cookies. Never in a URL.

use std::cmp::Ordering;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use session_core::{CookieChange, Presented, Token};

use crate::{
    caching,
    config::Config,
    cookie, observe,
    seal::{Opened, Sealer},
};

/// How a response answers what its request brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    way: Way,
    /// More than one cookie of ours: what does not open may be anybody's.
    crowded: bool,
    /// Other layers are on this route.
    beside_others: bool,
}

/// In the response's extensions: the tokens that were told where several layers are on a route. What one has committed
/// stands, also if another one fails around it (R10).
#[derive(Clone, Default)]
struct Told(Vec<(HeaderName, HeaderValue)>);

/// An error takes the place of what a handler answered, but not of what layers within this one have told.
pub(crate) fn replace(response: &mut Response, error: Response) {
    let mut failed = std::mem::replace(response, error);
    if let Some(told) = failed.extensions_mut().remove::<Told>() {
        for (name, token) in &told.0 {
            response.headers_mut().append(name, token.clone());
        }
        response.extensions_mut().insert(told);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Cookie,
    Header,
}

impl Config {
    /// Opens what a request brought.
    pub(crate) fn listen(&self, headers: &HeaderMap, beside_others: bool) -> (Presented, Heard) {
        let way = match &self.token_header {
            Some(name) if bearer(headers).is_some() || headers.contains_key(name) => Way::Header,
            // Without cookies a newcomer need not ask: nobody starts a session whose token is told to nobody.
            Some(_) if !self.cookies => Way::Header,
            _ => Way::Cookie,
        };
        let mut choice = Choice::default();
        match way {
            Way::Cookie => {
                let see = |text| choice.see(&self.sealer, text);
                cookie::candidates(headers, self.sealer.name(), see);
            }
            Way::Header => {
                if let Some(text) = bearer(headers) {
                    choice.see(&self.sealer, cookie::plausible(text));
                }
            }
        }
        let passing = way == Way::Cookie && self.former.is_some();
        let crowded = choice.opened > 1;
        let heard = Heard {
            way,
            crowded,
            beside_others,
        };
        (choice.made(passing), heard)
    }

    /// Tells the client of its token, and caches of the rest.
    pub(crate) fn tell(&self, response: &mut Response, heard: Heard, change: CookieChange) {
        let told = match heard.way {
            Way::Cookie => self.cookie(change, heard.crowded),
            Way::Header => self.header(change),
        };
        let says = told.is_some();
        if let Some((name, token)) = told {
            if heard.beside_others {
                let Told(all) = response.extensions_mut().get_or_insert_default();
                all.push((name.clone(), token.clone()));
            }
            match heard.way {
                Way::Cookie => cookie::set_only(response.headers_mut(), self.sealer.name(), token),
                Way::Header => drop(response.headers_mut().insert(name, token)),
            }
            observe::client_told(heard.way);
        }
        let token_header = self.token_header.as_deref();
        caching::mark(
            response.headers_mut(),
            says,
            heard.beside_others,
            token_header,
        );
    }

    fn cookie(&self, change: CookieChange, crowded: bool) -> Option<(HeaderName, HeaderValue)> {
        let name = self.sealer.name();
        let cookie = match change {
            CookieChange::Set { token, max_age } => {
                self.template.set(name, &self.sealer.seal(token), max_age)
            }
            CookieChange::Remove => self.template.remove(name),
            // One `Set-Cookie` of a name in a response: the former one goes when there is nothing else to say.
            CookieChange::Keep if crowded => self.former.as_ref().and_then(|(path, domain)| {
                let former = self.template.at(path, domain.as_deref());
                former.remove(name)
            }),
            CookieChange::Keep => None,
        };
        Some((header::SET_COOKIE, cookie?))
    }

    fn header(&self, change: CookieChange) -> Option<(HeaderName, HeaderValue)> {
        let token = match change {
            CookieChange::Keep => return None,
            CookieChange::Set { token, .. } => self.sealer.seal(token),
            CookieChange::Remove => String::new(),
        };
        let name = HeaderName::try_from(self.token_header.as_ref()?).ok()?;
        Some((name, cookie::secret(token)?))
    }
}

/// What follows `Authorization: Bearer` (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

/// Which of the texts counts. Tokens, not texts, are compared: of one session the newest counts, and two sessions are
/// none.
#[derive(Default)]
struct Choice {
    best: Option<Opened>,
    /// Those of other sessions.
    rivals: Vec<Token>,
    /// There was something, and so many of it opened.
    seen: bool,
    opened: usize,
}

impl Choice {
    fn see(&mut self, sealer: &Sealer, text: Option<&[u8]>) {
        self.seen = true;
        let Some(other) = text.and_then(|text| sealer.open(text)) else {
            return;
        };
        self.opened += 1;
        let Some(best) = &mut self.best else {
            self.best = Some(other);
            return;
        };
        if best.token.id != other.token.id {
            self.rivals.push(other.token);
            return;
        }
        match other.token.generation.cmp(&best.token.generation) {
            Ordering::Greater => *best = other,
            // A copy sealed by the first key needs no new seal.
            Ordering::Equal => best.by_fallback &= other.by_fallback,
            Ordering::Less => {}
        }
    }

    /// `passing`: of two sessions' cookies, one is about to go.
    fn made(self, passing: bool) -> Presented {
        match self.best {
            Some(Opened { token, by_fallback }) if self.rivals.is_empty() => Presented::Token {
                token,
                reseal: by_fallback,
            },
            Some(Opened { token, .. }) => {
                let mut tokens = self.rivals;
                tokens.push(token);
                Presented::Ambiguous { tokens, passing }
            }
            None if self.seen => Presented::Unsealed,
            None => Presented::Nothing,
        }
    }
}
