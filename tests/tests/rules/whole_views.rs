//! R4, R5, R12: a whole view that is set writes what it changes; the rest of it is as stored, whoever stores it.

use axum::{Router, extract::Path, routing::get};
use session_axum::{FieldChange, SessionData, SessionError, TypedSession};
use session_tests::SpyStore;

use crate::common::{Visits, browse, fields, record, stored, write_behind};

#[derive(SessionData)]
struct Account {
    #[session(owner)]
    user: Option<String>,
    theme: u64,
    count: u64,
}

fn rename(visit: &Visits) {
    let mut state = visit.state();
    state.name = Some("Ada".to_owned());
    visit.set_state(state);
}

#[tokio::test]
async fn an_update_after_set_state_counts_on_what_others_have_written() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<String, SessionError> {
        rename(&visit);
        write_behind(&spy, FieldChange::set("count", "10")).await;
        let count = visit.update(|visit| {
            visit.count += 1;
            visit.count
        });
        Ok(count.await?.to_string())
    };
    let browser = browse(&store, Router::new().route("/rename", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/rename").await.body, "11");
    assert_eq!(browser.get("/read").await.body, "11 Ada");
}

#[tokio::test]
async fn set_state_brings_nothing_back_that_others_have_removed() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<String, SessionError> {
        rename(&visit);
        let removed = FieldChange::removed("count");
        write_behind(&spy, removed).await;
        visit.session().refresh().await?;
        Ok(visit.count().to_string())
    };
    let browser = browse(&store, Router::new().route("/rename", get(handler)));
    browser.get("/count/7").await;
    assert_eq!(browser.get("/rename").await.body, "0");
    assert_eq!(fields(&store).await, ["name=\"Ada\""]);
}

#[tokio::test]
async fn a_whole_view_for_another_owner_brings_nothing_back_either() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |account: TypedSession<Account>| -> Result<String, SessionError> {
        let mut state = account.state();
        state.theme = 3;
        account.set_state(state);
        write_behind(&spy, FieldChange::removed("count")).await;
        account.session().refresh().await?;
        account.set_user(Some("eve".to_owned()));
        Ok(account.count().to_string())
    };
    let browser = browse(&store, Router::new().route("/switch", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/7").await;
    assert_eq!(browser.get("/switch").await.body, "0");
    assert_eq!(fields(&store).await, ["theme=3"]);
}

#[tokio::test]
async fn a_field_that_is_set_after_the_whole_view_is_what_another_owner_gets() {
    let store = SpyStore::new();
    let handler = async |account: TypedSession<Account>| {
        account.set_state(account.state());
        account.set_count(9);
        account.remove_theme();
        account.set_user(Some("eve".to_owned()));
    };
    let browser = browse(&store, Router::new().route("/switch", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/7").await;
    write_behind(&store, FieldChange::set("theme", "3")).await;
    browser.get("/switch").await;
    assert_eq!(fields(&store).await, ["count=9"]);
}

#[tokio::test]
async fn a_log_in_by_set_state_leaves_what_does_not_decode_and_writes_no_defaults() {
    let store = SpyStore::new();
    let log_in = async |account: TypedSession<Account>| {
        let mut state = account.state();
        state.user = Some("ada".to_owned());
        account.set_state(state);
    };
    let browser = browse(&store, Router::new().route("/log-in", get(log_in)));
    browser.get("/name/x").await;
    write_behind(&store, FieldChange::set("theme", "\"dark\"")).await;
    browser.get("/log-in").await;
    assert_eq!(fields(&store).await, ["name=\"x\"", "theme=\"dark\""]);
    let record = record(&store).await.expect("lives");
    assert_eq!(record.owner(), Some("ada"));
}

#[tokio::test]
async fn a_whole_view_without_its_owner_logs_out() {
    let store = SpyStore::new();
    let log_out = async |account: TypedSession<Account>| {
        let mut state = account.state();
        state.user = None;
        account.set_state(state);
    };
    let browser = browse(&store, Router::new().route("/log-out", get(log_out)));
    browser.get("/owner/ada").await;
    browser.get("/log-out").await;
    let record = record(&store).await.expect("lives");
    assert_eq!(record.owner(), None);
}

#[tokio::test]
async fn what_was_written_for_another_owner_is_still_theirs_after_an_update() {
    let store = SpyStore::new();
    let set = async |account: TypedSession<Account>| -> Result<String, SessionError> {
        account.set_user(Some("eve".to_owned()));
        account.set_count(5);
        count(&account).await
    };
    let set_state = async |account: TypedSession<Account>| -> Result<String, SessionError> {
        let mut state = account.state();
        state.theme = 3;
        account.set_state(state);
        account.set_user(Some("eve".to_owned()));
        count(&account).await
    };
    let routes = Router::new()
        .route("/set", get(set))
        .route("/set_state", get(set_state));
    for (path, counted) in [("/set", "6"), ("/set_state", "2")] {
        let browser = browse(&store, routes.clone());
        browser.get("/owner/ada").await;
        browser.get("/count/1").await;
        assert_eq!(browser.get(path).await.body, counted);
        assert_eq!(stored(&store, "count").await.as_deref(), Some(counted));
        let record = record(&store).await.expect("lives");
        assert_eq!(record.owner(), Some("eve"));
    }
}

#[tokio::test]
async fn what_was_written_at_a_log_in_is_not_written_again_after_an_update() {
    let store = SpyStore::new();
    let spy = store.clone();
    let log_in = async move |account: TypedSession<Account>| -> Result<String, SessionError> {
        account.set_user(Some("ada".to_owned()));
        account.set_count(5);
        let count = count(&account).await;
        write_behind(&spy, FieldChange::set("count", "99")).await;
        count
    };
    let browser = browse(&store, Router::new().route("/log-in", get(log_in)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/log-in").await.body, "6");
    assert_eq!(stored(&store, "count").await.as_deref(), Some("99"));
}

async fn count(account: &TypedSession<Account>) -> Result<String, SessionError> {
    let count = account.update(|account| {
        account.count += 1;
        account.count
    });
    Ok(count.await?.to_string())
}

#[derive(SessionData)]
struct Renamed {
    #[session(alias = "count")]
    visits: u64,
    theme: u64,
}

#[tokio::test]
async fn a_field_under_its_older_name_goes_over_with_its_view() {
    let store = SpyStore::new();
    let handler = async |renamed: TypedSession<Renamed>| {
        let mut state = renamed.state();
        state.theme = 3;
        renamed.set_state(state);
        renamed.session().set_owner("eve");
        renamed.visits().to_string()
    };
    let browser = browse(&store, Router::new().route("/switch", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/7").await;
    assert_eq!(browser.get("/switch").await.body, "7");
    assert_eq!(fields(&store).await, ["count=7", "theme=3"]);
}

#[tokio::test]
async fn what_a_whole_view_sets_as_it_is_goes_over_by_an_update_as_the_rest_of_it_does() {
    let store = SpyStore::new();
    let handler = async |account: TypedSession<Account>, Path(more): Path<u64>| {
        let mut state = account.state();
        state.theme = 3;
        account.set_state(state);
        let update = account.update(|account| {
            account.user = Some("eve".to_owned());
            account.count += more;
        });
        update.await?;
        Ok::<_, SessionError>(format!("{} {}", account.theme(), account.count()))
    };
    let routes = Router::new().route("/switch/{more}", get(handler));
    for (path, count) in [("/switch/0", 7), ("/switch/1", 8)] {
        let browser = browse(&store, routes.clone());
        browser.get("/owner/ada").await;
        browser.get("/count/7").await;
        assert_eq!(browser.get(path).await.body, format!("3 {count}"));
        let stands = [format!("count={count}"), "theme=3".to_owned()];
        assert_eq!(fields(&store).await, stands);
    }
}

#[tokio::test]
async fn a_whole_view_set_behind_a_log_out_is_seen_and_stored_as_it_was_set() {
    let store = SpyStore::new();
    let set = |user: Option<&str>| Account {
        user: user.map(str::to_owned),
        theme: 3,
        count: 0,
    };
    // Drops what is there first, as a log-in may do to be sure.
    let with_owner = async move |account: TypedSession<Account>| {
        account.set_user(None);
        account.set_state(set(Some("ada")));
        account.count().to_string()
    };
    let before_owner = async move |account: TypedSession<Account>| {
        account.set_user(None);
        account.set_state(set(None));
        account.set_user(Some("ada".to_owned()));
        account.count().to_string()
    };
    let routes = Router::new()
        .route("/with", get(with_owner))
        .route("/before", get(before_owner));
    for path in ["/with", "/before"] {
        let browser = browse(&store, routes.clone());
        browser.get("/owner/ada").await;
        browser.get("/count/7").await;
        assert_eq!(browser.get(path).await.body, "0", "{path}");
        assert_eq!(browser.get("/read").await.body, "0 nobody", "{path}");
    }
}
