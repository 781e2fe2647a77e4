//! What only files can do, and what only they can suffer.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use custom_store::FileStore;
use http_body_util::BodyExt;
use session_axum::{Key, SessionStore};
use tempfile::TempDir;
use tokio::time::timeout;
use tower::ServiceExt;

/// A program that is started anew for each visit: status, cookie and text.
async fn visit(directory: &TempDir, cookie: &str) -> (StatusCode, Option<String>, String) {
    let key = Key::derive_from(b"a secret that outlives each of the programs").unwrap();
    let app = custom_store::app(FileStore::open(directory).unwrap(), key);
    let request = Request::builder().uri("/").header(COOKIE, cookie);
    let request = request.body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let set = response.headers().get(SET_COOKIE);
    let cookie = set.map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, cookie, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_count_goes_on_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let (_, cookie, text) = visit(&directory, "").await;
    assert_eq!(text, "Visit 1\n");
    let cookie = cookie.unwrap();
    for expected in ["Visit 2\n", "Visit 3\n"] {
        let (_, set, text) = visit(&directory, &cookie).await;
        assert_eq!((set, text.as_str()), (None, expected));
    }
    let other = FileStore::open(&directory).unwrap();
    assert_eq!(other.count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_session_hides_none_and_stays_as_it_is() {
    let directory = TempDir::new().unwrap();
    let (_, cookie, _) = visit(&directory, "").await;
    let cookie = cookie.unwrap();
    let unreadable = directory.path().join("0".repeat(32));
    fs::write(&unreadable, b"\xff").unwrap();
    fs::write(directory.path().join("notes.txt"), "not ours").unwrap();

    assert_eq!(visit(&directory, &cookie).await.2, "Visit 2\n");
    let store = FileStore::open(&directory).unwrap();
    assert_eq!(store.count().await.unwrap(), 1);
    assert_eq!(store.delete_expired(usize::MAX).await.unwrap(), 0);
    assert_eq!(fs::read(unreadable).unwrap(), b"\xff");
}

#[cfg(unix)]
#[test]
fn the_directory_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let above = TempDir::new().unwrap();
    let directory = above.path().join("sessions");
    FileStore::open(&directory).unwrap();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    FileStore::open(&directory).expect("it may be there already");
}

#[tokio::test]
async fn without_its_directory_the_store_fails_and_nobody_is_told_of_a_success() {
    let directory = TempDir::new().unwrap();
    let key = Key::generate();
    let app = custom_store::app(FileStore::open(&directory).unwrap(), key);
    directory.close().unwrap();
    let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key(SET_COOKIE));
}

#[test]
fn writes_that_are_given_up_keep_no_read_waiting() {
    let directory = TempDir::new().unwrap();
    let store = FileStore::open(&directory).unwrap();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().max_blocking_threads(2).build();
    let runtime = runtime.unwrap();
    // As another process holds it.
    let lock = fs::File::open(directory.path().join("lock")).unwrap();
    lock.lock().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            let write = timeout(Duration::ZERO, store.delete_expired(1));
            write.await.expect_err("the lock is not free");
        }
        let read = timeout(Duration::from_secs(10), store.count()).await;
        assert_eq!(read.expect("a thread is free").unwrap(), 0);
        lock.unlock().unwrap();
        store.delete_expired(1).await.unwrap();
    });
}
