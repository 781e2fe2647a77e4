//! The pages, as text. A real application would use a template engine here.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use session_axum::{SessionInfo, TypedSession};

use crate::accounts::{LONGEST_NAME, SHORTEST_PASSWORD};
use crate::{Device, Visitor};

/// No scripts at all, our own style, forms to ourselves, and no place in anybody's frame, where its buttons could be
/// put under the mouse of somebody who means to press something else.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A whole page.
pub(crate) struct Page(String);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_SECURITY_POLICY, POLICY),
            // The back button shows nobody's devices after the log-out.
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, Html(self.0)).into_response()
    }
}

pub(crate) async fn css() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css"), (CACHE_CONTROL, "max-age=60")];
    (headers, include_str!("page.css"))
}

pub(crate) fn log_in(wrong: Option<&str>, name: &str, visitor: &TypedSession<Visitor>) -> Page {
    let body = format!(
        include_str!("pages/log_in.html"),
        wrong = alert(wrong),
        name = escape(name),
        note = note(visitor),
    );
    page("Log in", visitor.notice().as_deref(), &body)
}

pub(crate) fn sign_up(wrong: Option<&str>, name: &str) -> Page {
    let body = format!(
        include_str!("pages/sign_up.html"),
        wrong = alert(wrong),
        name = escape(name),
        longest_name = LONGEST_NAME,
        shortest_password = SHORTEST_PASSWORD,
    );
    page("Sign up", None, &body)
}

pub(crate) fn home(
    user: &str,
    devices: &[SessionInfo<Device>],
    visitor: &TypedSession<Visitor>,
) -> Page {
    let mut list = String::new();
    for info in devices {
        list.push_str(&device(info));
    }
    let body = format!(
        include_str!("pages/home.html"),
        user = escape(user),
        devices = list,
        others = if devices.len() > 1 {
            include_str!("pages/others.html")
        } else {
            ""
        },
        note = note(visitor),
    );
    page("Your account", visitor.notice().as_deref(), &body)
}

pub(crate) fn confirm(wrong: Option<&str>, user: &str) -> Page {
    let body = format!(
        include_str!("pages/confirm.html"),
        wrong = alert(wrong),
        user = escape(user),
    );
    page("Confirm your password", None, &body)
}

pub(crate) fn change_password(wrong: Option<&str>, user: &str) -> Page {
    let body = format!(
        include_str!("pages/password.html"),
        wrong = alert(wrong),
        user = escape(user),
        shortest_password = SHORTEST_PASSWORD,
    );
    page("Change your password", None, &body)
}

/// For a form that another site sent.
pub(crate) fn from_elsewhere() -> Response {
    let body = include_str!("pages/from_elsewhere.html");
    (StatusCode::FORBIDDEN, page("Not from here", None, body)).into_response()
}

fn page(title: &str, notice: Option<&str>, body: &str) -> Page {
    let notice = notice.map(|text| {
        let text = escape(text);
        format!(r#"<p class="notice" id="notice" role="status">{text}</p>"#)
    });
    Page(format!(
        include_str!("pages/layout.html"),
        title = title,
        notice = notice.unwrap_or_default(),
        body = body,
    ))
}

/// Why the form is shown again.
fn alert(wrong: Option<&str>) -> String {
    wrong.map_or_else(String::new, |text| {
        let text = escape(text);
        format!(r#"<p class="alert" id="alert" role="alert">{text}</p>"#)
    })
}

fn note(visitor: &TypedSession<Visitor>) -> String {
    let note = visitor.note().unwrap_or_default();
    format!(include_str!("pages/note.html"), note = escape(&note))
}

fn device(info: &SessionInfo<Device>) -> String {
    let name = info.state.as_ref().map(|device| escape(&device.name));
    let name = name.unwrap_or_else(|| "Unknown device".to_owned());
    let action = if info.is_this {
        r#"<span class="this">This device</span>"#.to_owned()
    } else {
        format!(
            include_str!("pages/log_out_there.html"),
            name = name,
            device = info.session_ref,
        )
    };
    format!(
        include_str!("pages/device.html"),
        name = name,
        first_seen = ago(info.age),
        // Of this one, the list knows only what was before this request.
        last_seen = ago(if info.is_this {
            Duration::ZERO
        } else {
            info.idle_for
        }),
        action = action,
    )
}

/// How long ago that was, in words.
fn ago(passed: Duration) -> String {
    let minutes = passed.as_secs() / 60;
    let (number, unit) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let mut text = format!("{number} {unit}");
    if number > 1 {
        text.push('s');
    }
    text.push_str(" ago");
    text
}

/// Makes text of a visitor safe in HTML, between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
