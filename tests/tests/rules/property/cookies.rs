//! R17: no `Cookie` header is an error, reaches the store unauthenticated, or chooses an id.

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
};
use proptest::{collection::vec, prelude::*};
use session_axum::MemoryStore;
use session_tests::{Answer, Browser, Call, SpyStore};
use tokio::runtime::Runtime;

use super::cases;
use crate::common::browse;

/// An app where somebody has a session, and an attacker who knows the sealed text of it.
struct Site {
    runtime: Runtime,
    store: SpyStore,
    browser: Browser,
    genuine: String,
}

impl Site {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let store = SpyStore::around(MemoryStore::builder().max_sessions(1_000).build());
        let browser = browse(&store, Router::new());
        runtime.block_on(browser.get("/name/Ada"));
        let genuine = browser.cookie("sid").expect("a session");
        store.forget_calls();
        Self {
            runtime,
            store,
            browser,
            genuine,
        }
    }

    fn send(&self, path: &str, headers: &[Vec<u8>]) -> Answer {
        let mut request = Request::get(path);
        for cookie in headers {
            // What hyper would refuse reaches no layer.
            if let Ok(value) = HeaderValue::from_bytes(cookie) {
                request = request.header(header::COOKIE, value);
            }
        }
        let request = request.body(Body::empty()).expect("a request");
        self.runtime.block_on(self.browser.stranger().send(request))
    }

    /// These headers open no session: reading says so without a store call, writing starts a new one.
    fn assert_no_session(&self, headers: &[Vec<u8>]) {
        let answer = self.send("/read", headers);
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, "0 nobody");
        answer.assert_no_set_cookie();
        self.store.assert_untouched();

        let victim = self.store.last_id();
        let answer = self.send("/count/7", headers);
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(self.store.calls(), [Call::Create]);
        assert_ne!(self.store.last_id(), victim, "the id is a new one");
    }

    fn assert_the_session(&self, headers: &[Vec<u8>]) {
        let answer = self.send("/read", headers);
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "0 Ada"));
        answer.assert_no_set_cookie();
        assert_eq!(self.store.calls(), [Call::Load]);
    }
}

/// What may stand in a header's value.
fn header_bytes(len: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8],
        0..len,
    )
}

/// Something that looks like cookies, ours among them.
fn cookie_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"sid".to_vec()),
        Just(b"sid=".to_vec()),
        Just(b"=".to_vec()),
        Just(b";".to_vec()),
        Just(b"; ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"%".to_vec()),
        Just(vec![b'A'; 600]),
        "[A-Za-z0-9+/]{0,90}={0,2}".prop_map(String::into_bytes),
        header_bytes(20),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What happens to a genuine text on its way to becoming another one.
#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: usize, bit: u8 },
    Truncate { to: usize },
    Cut { from: usize },
    Extend { with: String },
    Insert { at: usize, what: char },
    Double,
    Quote,
    Case,
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            4 => (any::<usize>(), 0..7_u8).prop_map(|(at, bit)| Self::Flip { at, bit }),
            1 => any::<usize>().prop_map(|to| Self::Truncate { to }),
            1 => any::<usize>().prop_map(|from| Self::Cut { from }),
            1 => "[A-Za-z0-9+/=._-]{1,600}".prop_map(|with| Self::Extend { with }),
            1 => (any::<usize>(), "[A-Za-z0-9+/= ]").prop_map(|(at, what)| Self::Insert {
                at,
                what: what.chars().next().expect("one"),
            }),
            1 => Just(Self::Double),
            1 => Just(Self::Quote),
            1 => Just(Self::Case),
        ]
    }

    fn apply(&self, genuine: &str) -> Vec<u8> {
        let len = genuine.len();
        match self {
            Self::Flip { at, bit } => {
                let mut bytes = genuine.as_bytes().to_vec();
                bytes[at % len] ^= 1 << bit;
                bytes
            }
            Self::Truncate { to } => genuine[..to % len].into(),
            Self::Cut { from } => genuine[1 + from % (len - 1)..].into(),
            Self::Extend { with } => format!("{genuine}{with}").into(),
            Self::Insert { at, what } => {
                let (before, after) = genuine.split_at(at % len);
                format!("{before}{what}{after}").into()
            }
            Self::Double => genuine.repeat(2).into(),
            Self::Quote => format!("\"{genuine}\"").into(),
            Self::Case => genuine.to_lowercase().into(),
        }
    }
}

fn pair(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"=", value].concat()
}

#[test]
fn headers_of_any_bytes_open_no_session() {
    let site = Site::new();
    let headers = vec(prop_oneof![header_bytes(80), cookie_like()], 0..4);
    proptest!(cases(256), |(headers in headers)| site.assert_no_session(&headers));
}

#[test]
fn a_genuine_cookie_with_any_change_opens_no_session() {
    let site = Site::new();
    proptest!(cases(256), |(mutation in Mutation::any())| {
        let mutant = mutation.apply(&site.genuine);
        // A leading blank is the only change that could pass as white space around the value.
        prop_assume!(mutant.trim_ascii() != site.genuine.as_bytes());
        site.assert_no_session(&[pair("sid", &mutant)]);
    });
}

#[test]
fn a_genuine_cookie_under_any_other_name_opens_no_session() {
    let site = Site::new();
    let like_ours = "[xX_ -]{0,2}[sS][iI][dD][xX_ -]{0,2}";
    let name = prop_oneof![like_ours, "[A-Za-z_-]{0,12}"];
    proptest!(cases(256), |(name in name)| {
        // White space before a name is none of it.
        prop_assume!(name.trim_start() != "sid");
        site.assert_no_session(&[pair(&name, site.genuine.as_bytes())]);
    });
}

#[test]
fn copies_of_a_genuine_cookie_among_others_open_its_session() {
    let site = Site::new();
    let others = vec("[a-z]{4,8}=[A-Za-z0-9 ]{0,20}", 0..6);
    // At most three copies or forgeries beside the first copy: four are tried.
    let ours = vec(prop::option::of(Mutation::any()), 0..4);
    let headers = (others, ours, any::<prop::sample::Index>(), any::<u64>());
    proptest!(cases(256), |((others, ours, at, split) in headers)| {
        let mut cookies: Vec<_> = ours
            .iter()
            .map(|mutation| match mutation {
                Some(mutation) => pair("sid", &mutation.apply(&site.genuine)),
                None => pair("sid", site.genuine.as_bytes()),
            })
            .chain(others.into_iter().map(String::into_bytes))
            .collect();
        prop_assume!(cookies.iter().all(|cookie| HeaderValue::from_bytes(cookie).is_ok()));
        // A flip may make two cookies of one, so count what will be seen.
        let ours_seen = cookies.iter().flat_map(|cookie| cookie.split(|byte| *byte == b';'));
        prop_assume!(ours_seen.filter(|cookie| cookie.trim_ascii().starts_with(b"sid=")).count() < 4);
        cookies.insert(at.index(cookies.len() + 1), pair("sid", site.genuine.as_bytes()));

        let mut headers: Vec<Vec<u8>> = vec![Vec::new()];
        for (at, cookie) in cookies.iter().enumerate() {
            if split >> at & 1 == 1 {
                headers.push(Vec::new());
            }
            let header = headers.last_mut().expect("one");
            if !header.is_empty() {
                header.extend(b"; ");
            }
            header.extend(cookie);
        }
        site.assert_the_session(&headers);
    });
}
