//! "Your devices": what they are called, and logging them out.

use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::response::Redirect;
use serde::Deserialize;
use session_axum::{SessionError, TypedSession};

use crate::guards::LoggedIn;
use crate::{App, Visitor};

#[derive(Deserialize)]
pub(crate) struct DeviceForm {
    device: String,
}

/// Ends the session that the list calls by this `SessionRef`, which is no secret and opens nothing. It is looked up
/// among the owner's own, so that one who guesses or keeps the ref of somebody else's session does nothing.
pub(crate) async fn log_out_there(
    State(app): State<App>,
    LoggedIn(account): LoggedIn,
    visitor: TypedSession<Visitor>,
    Form(form): Form<DeviceForm>,
) -> Result<Redirect, SessionError> {
    let ended = match form.device.parse() {
        Ok(device) => app.sessions.revoke(&account.user(), device).await?,
        Err(_) => false,
    };
    let notice = if ended {
        "That device is logged out."
    } else {
        "That device was logged out already."
    };
    visitor.set_notice(Some(notice.to_owned()));
    Ok(Redirect::to("/"))
}

/// Ends all other sessions of the owner. This one goes on, with a new cookie.
pub(crate) async fn log_out_others(
    State(app): State<App>,
    LoggedIn(account): LoggedIn,
    visitor: TypedSession<Visitor>,
) -> Result<Redirect, SessionError> {
    let user = account.user();
    let others = app.sessions.revoke_others(&user, account.session());
    let notice = match others.await? {
        0 => "You were logged in nowhere else.".to_owned(),
        1 => "One other device is logged out.".to_owned(),
        others => format!("{others} other devices are logged out."),
    };
    visitor.set_notice(Some(notice));
    Ok(Redirect::to("/"))
}

/// What to call the device that sent this, such as "Firefox on Linux". Good enough to tell one's own devices apart.
pub(crate) fn name(headers: &HeaderMap) -> String {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default();
    // The order matters: each browser also says that it is those below it.
    let browser = first_in(
        agent,
        &[
            ("Edg", "Edge"),
            ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ],
    );
    let system = first_in(
        agent,
        &[
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Macintosh", "Mac"),
            ("Linux", "Linux"),
        ],
    );
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

fn first_in(agent: &str, marks: &[(&str, &'static str)]) -> Option<&'static str> {
    let found = marks.iter().find(|(mark, _)| agent.contains(mark));
    found.map(|&(_, name)| name)
}
