//! How tokens travel: in our cookie, or in headers for clients without cookies. Never in a URL.

use std::cmp::Ordering;

use http::{HeaderMap, HeaderName, header};
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Cookie,
    Header,
}

impl Config {
    /// Opens what a request brought.
    pub(crate) fn listen(&self, headers: &HeaderMap) -> (Presented, Heard) {
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
        (choice.made(passing), Heard { way, crowded })
    }

    /// Tells the client of its token, and caches of the rest.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, heard: Heard, change: CookieChange) {
        let says = match heard.way {
            Way::Cookie => self.tell_by_cookie(headers, change, heard.crowded),
            Way::Header => self.tell_by_header(headers, change),
        };
        if says {
            observe::client_told(heard.way);
        }
        caching::mark(headers, says, self.token_header.as_deref());
    }

    fn tell_by_cookie(&self, headers: &mut HeaderMap, change: CookieChange, crowded: bool) -> bool {
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
        let says = cookie.is_some();
        if let Some(cookie) = cookie {
            cookie::set_only(headers, name, cookie);
        }
        says
    }

    fn tell_by_header(&self, headers: &mut HeaderMap, change: CookieChange) -> bool {
        let token = match change {
            CookieChange::Keep => return false,
            CookieChange::Set { token, .. } => self.sealer.seal(token),
            CookieChange::Remove => String::new(),
        };
        let name = self
            .token_header
            .as_ref()
            .and_then(|name| HeaderName::try_from(name).ok());
        let (Some(name), Some(token)) = (name, cookie::secret(token)) else {
            return false;
        };
        headers.insert(name, token);
        true
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
