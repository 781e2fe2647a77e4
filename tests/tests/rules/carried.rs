//! R5: what an `update` carries is no longer staged; what was staged since it looked still is.

use axum::{Router, routing::get};
use session_axum::{SessionData, SessionError, TypedSession};
use session_tests::SpyStore;

use crate::common::{Visits, browse, record, stored};

#[derive(SessionData)]
struct Account {
    #[session(owner)]
    user: Option<String>,
}

#[tokio::test]
async fn an_update_takes_the_place_of_a_removal_that_was_staged() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<(), SessionError> {
        visit.remove_name();
        visit
            .update(|visit| visit.name = Some("Ada".to_owned()))
            .await
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/name/Eve").await;
    browser.get("/update").await;
    assert_eq!(stored(&store, "name").await.as_deref(), Some("\"Ada\""));
}

#[tokio::test]
async fn what_the_closure_stages_in_the_place_of_a_removal_is_written_later() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        visit.remove_name();
        visit
            .update(|inner| {
                visit.set_name(Some("Bob".to_owned()));
                inner.name = Some("Ada".to_owned());
            })
            .await?;
        let carried = stored(&spy, "name").await;
        assert_eq!(carried.as_deref(), Some("\"Ada\""));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/name/Eve").await;
    browser.get("/update").await;
    assert_eq!(stored(&store, "name").await.as_deref(), Some("\"Bob\""));
}

#[tokio::test]
async fn what_the_closure_alone_stages_is_written_later_too() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<(), SessionError> {
        visit
            .update(|inner| {
                visit.set_name(Some("Bob".to_owned()));
                inner.name = Some("Ada".to_owned());
            })
            .await
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/update").await;
    assert_eq!(stored(&store, "name").await.as_deref(), Some("\"Bob\""));
}

#[tokio::test]
async fn an_update_comes_before_a_staged_change_of_owner_and_sees_the_former_one_s_fields() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<String, SessionError> {
        visit.session().set_owner("bob");
        let count = visit.update(|visit| {
            visit.count += 1;
            visit.count
        });
        Ok(count.await?.to_string())
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/1").await;
    assert_eq!(browser.get("/update").await.body, "2");
    let record = record(&store).await.expect("lives");
    assert_eq!((record.owner(), record.fields().len()), (Some("bob"), 0));
}

#[tokio::test]
async fn an_owner_set_by_an_update_takes_the_place_of_the_one_that_was_staged() {
    let store = SpyStore::new();
    let handler = async |account: TypedSession<Account>| -> Result<(), SessionError> {
        account.set_user(Some("eve".to_owned()));
        account
            .update(|account| account.user = Some("ada".to_owned()))
            .await
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/update").await.set_cookies().len(), 1);
    let record = record(&store).await.expect("lives");
    assert_eq!((record.owner(), record.generation()), (Some("ada"), 1));
}

#[tokio::test]
async fn an_owner_that_the_closure_stages_is_set_later() {
    let store = SpyStore::new();
    let handler = async |account: TypedSession<Account>| -> Result<(), SessionError> {
        account
            .update(|inner| {
                account.set_user(Some("bob".to_owned()));
                inner.user = Some("ada".to_owned());
            })
            .await
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/count/1").await;
    browser.get("/update").await;
    let record = record(&store).await.expect("lives");
    assert_eq!((record.owner(), record.generation()), (Some("bob"), 2));
}
