//! The page without a server: a visitor comes, logs in and out, and Prometheus reads what was counted.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use axum::{
    Router,
    body::Body,
    http::{
        Request,
        header::{COOKIE, SET_COOKIE},
    },
};
use http_body_util::BodyExt;
use metrics_example::{app, record};
use tower::ServiceExt;

/// Sends `GET path` with this cookie, and keeps the one that comes back.
async fn get(app: &Router, path: &str, cookie: &mut String) -> String {
    let request = Request::get(path).header(COOKIE, &*cookie);
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    if let Some(set) = response.headers().get(SET_COOKIE) {
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        pair.clone_into(cookie);
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn what_visitors_do_is_counted_on_the_page() {
    let app = app(record().unwrap());
    let mut cookie = String::new();
    assert_eq!(get(&app, "/", &mut cookie).await, "Visit 1\n");
    assert_eq!(get(&app, "/", &mut cookie).await, "Visit 2\n");
    get(&app, "/log_in", &mut cookie).await;
    get(&app, "/log_out", &mut cookie.clone()).await;
    // Its session has ended, which nobody has told this tab.
    assert_eq!(get(&app, "/", &mut cookie).await, "Visit 1\n");
    get(&app, "/", &mut "sid=forged".to_owned()).await;

    let page = get(&app, "/metrics", &mut String::new()).await;
    for line in [
        "# TYPE session_created_total counter",
        "# HELP session_created_total Sessions created.",
        "session_created_total 3",
        r#"session_commits_total{outcome="applied"} 2"#,
        r#"session_rotated_total{by="owner"} 1"#,
        r#"session_destroyed_total{reason="handler"} 1"#,
        r#"session_loads_total{outcome="live"} 3"#,
        r#"session_loads_total{outcome="unknown"} 1"#,
        r#"session_cookies_refused_total{reason="unsealed"} 1"#,
        "# TYPE session_store_duration_seconds histogram",
        r#"session_store_duration_seconds_bucket{operation="commit",le="5"} 2"#,
        r#"session_store_duration_seconds_count{operation="load"} 4"#,
    ] {
        assert!(page.lines().any(|seen| seen == line), "{line} in\n{page}");
    }
    assert!(!page.contains("ada"), "no owner is ever in a label");
}
