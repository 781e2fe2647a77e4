//! What sessions tell of themselves, on a page for Prometheus.
//!
//! The library counts by the facade of the `metrics` crate, which does nothing until somebody installs
//! a recorder. Here that is the one of `metrics-exporter-prometheus`, and the app itself serves what it
//! recorded: no second listener, no task of its own. Any other recorder of the family would do.
//!
//! All metrics, and what deserves an alert, are in the guide: `session_axum::guide::observability`.

use axum::{Router, extract::State, routing::get};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use session_axum::{
    Key, MemoryStore, Session, SessionData, SessionError, SessionLayer, TypedSession,
    describe_metrics,
};

/// Bounds of the buckets for the times of store calls, in seconds: a store in memory takes microseconds, one
/// beyond the network milliseconds, and after five seconds a call is given up.
const TIMES: [f64; 8] = [0.000_01, 0.000_1, 0.001, 0.005, 0.02, 0.1, 1.0, 5.0];

/// Installs the recorder for the whole process: once, and before the first request. The handle renders the page.
pub fn record() -> Result<PrometheusHandle, BuildError> {
    let times = Matcher::Suffix("_duration_seconds".to_owned());
    let page = PrometheusBuilder::new()
        .set_buckets_for_metric(times, &TIMES)?
        .install_recorder()?;
    // So that the page says what each metric means.
    describe_metrics();
    Ok(page)
}

/// What we remember of a visitor.
#[derive(SessionData)]
struct Visitor {
    visits: u64,
}

/// The whole application.
///
/// The page of the metrics is no business of visitors: in production let the outer proxy keep them away from it, or
/// serve it where only Prometheus comes.
pub fn app(page: PrometheusHandle) -> Router {
    // Over plain http on loopback, as in the other examples; leave `secure(false)` out of what you deploy.
    let sessions = SessionLayer::new(MemoryStore::new(), Key::generate()).secure(false);

    Router::new()
        .route("/", get(visit))
        .route("/log_in", get(log_in))
        .route("/log_out", get(log_out))
        .layer(sessions)
        // After the layer, so that it has nothing to do with sessions.
        .route("/metrics", get(metrics).with_state(page))
}

/// A commit, and with the first visit a session created.
async fn visit(session: TypedSession<Visitor>) -> Result<String, SessionError> {
    let visits = session.update(|visitor| {
        visitor.visits += 1;
        visitor.visits
    });
    Ok(format!("Visit {}\n", visits.await?))
}

/// A rotation by a new owner. (There is no password here: see the example `login`. And neither this nor the next one
/// should be a GET; here they are, so that a browser's address bar can call them.)
async fn log_in(session: Session) -> &'static str {
    session.set_owner("ada");
    "You are Ada\n"
}

/// A session destroyed.
async fn log_out(session: Session) -> &'static str {
    session.destroy();
    "Good bye\n"
}

/// In the text format that Prometheus reads.
async fn metrics(State(page): State<PrometheusHandle>) -> String {
    page.render()
}
