//! R12: setting the owner rotates, and nobody has to remember.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{Session, SessionData, SessionError, TypedSession};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{
    Account, Accounts, DAY, HOUR, MINUTE, browse, layer, record, timed, token, whose, with,
};

/// Every way to say whose a session is.
const WAYS: [&str; 5] = [
    "untyped",
    "accessor",
    "set_state",
    "untyped_state",
    "update",
];

async fn log_in(
    account: Accounts,
    Path((way, user)): Path<(String, u64)>,
) -> Result<(), SessionError> {
    let state = account.state();
    let state = Account {
        user: Some(user),
        ..state
    };
    match way.as_str() {
        "untyped" => account.session().set_owner(user.to_string().as_str()),
        "accessor" => account.set_user(Some(user)),
        "set_state" => account.set_state(state),
        "untyped_state" => account.session().set_state(state),
        "update" => account.update(|account| account.user = Some(user)).await?,
        _ => unreachable!("{way}"),
    }
    Ok(())
}

fn shop(store: &SpyStore) -> Browser {
    let routes = Router::new()
        .route("/in/{way}/{user}", get(log_in))
        .route(
            "/forget",
            get(async |account: Accounts| account.remove_user()),
        )
        .route(
            "/fill",
            get(async |account: Accounts, session: Session| {
                account.set_basket(vec!["tea".to_owned()]);
                account.set_visits(3);
                account.set_lang(Some("de".to_owned()));
                session.insert("other", 1);
            }),
        )
        .route(
            "/fields",
            get(async |account: Accounts, session: Session| {
                let other = session.get::<u8>("other");
                let (basket, visits, lang) = (account.basket(), account.visits(), account.lang());
                format!("{basket:?} {visits} {lang:?} {other:?}")
            }),
        );
    with(layer(store), routes)
}

#[tokio::test]
async fn setting_the_owner_rotates_in_the_same_commit() {
    for way in WAYS {
        let (_, store) = timed();
        let browser = shop(&store);
        browser.get("/fill").await;
        let before = token(&browser);
        store.forget_calls();
        let answer = browser.get(&format!("/in/{way}/7")).await;
        assert_eq!(answer.set_cookies().len(), 1, "{way}");
        assert_eq!(store.calls(), [Call::Load, Call::Commit], "{way}");
        let record = record(&store).await;
        assert_eq!((record.generation(), record.barrier()), (1, 1), "{way}");
        assert_eq!(record.owner(), Some("7"), "{way}");
        assert_eq!(record.owner_since(), Some(record.now()), "{way}");
        assert_eq!(whose(&browser, &before).await, "nobody", "{way}");
        assert_eq!(browser.get("/whoami").await.body, "7", "{way}");
    }
}

#[tokio::test]
async fn a_first_write_that_logs_in_creates_an_owned_session_at_once() {
    let (_, store) = timed();
    let browser = shop(&store);
    browser.get("/in/accessor/7").await;
    assert_eq!(store.calls(), [Call::Create]);
    assert_eq!(record(&store).await.owner(), Some("7"));
    assert_eq!(browser.get("/whoami").await.body, "7");
}

#[tokio::test]
async fn setting_the_same_owner_again_rotates_and_renews_owner_since() {
    // The closure of an `update` only sees the owner; it does not set it.
    for way in &WAYS[..4] {
        let (clock, store) = timed();
        let browser = shop(&store);
        browser.get("/in/accessor/7").await;
        browser.get("/fill").await;
        let (before, first) = (token(&browser), record(&store).await);
        clock.advance(MINUTE);
        let answer = browser.get(&format!("/in/{way}/7")).await;
        assert_eq!(answer.set_cookies().len(), 1, "{way}");
        let again = record(&store).await;
        assert_eq!(again.generation(), first.generation() + 1, "{way}");
        assert_eq!(again.barrier(), again.generation(), "{way}");
        assert_eq!(again.owner_since(), Some(again.now()), "{way}");
        assert_eq!(again.started_at(), first.started_at(), "{way}");
        assert_eq!(again.fields(), first.fields(), "{way}");
        assert_eq!(whose(&browser, &before).await, "nobody", "{way}");
        assert_eq!(browser.get("/whoami").await.body, "7", "{way}");
    }
}

#[tokio::test]
async fn only_a_different_owner_restarts_the_absolute_clock() {
    let (clock, store) = timed();
    let layer = layer(&store).idle_timeout(DAY).absolute_timeout(DAY);
    let browser = browse(layer);
    browser.get("/log_in/ada").await;
    let start = record(&store).await.started_at();
    for _ in 0..3 {
        clock.advance(HOUR * 7);
        browser.get("/log_in/ada").await;
    }
    assert_eq!(record(&store).await.started_at(), start);
    assert_eq!(record(&store).await.expires_at(), start.after(DAY));

    browser.get("/log_in/bob").await;
    let bobs = record(&store).await;
    assert_eq!(bobs.started_at(), start.after(HOUR * 21));
    assert_eq!(bobs.expires_at(), start.after(HOUR * 21 + DAY));
    clock.advance(DAY);
    assert_eq!(browser.get("/whoami").await.body, "nobody");
}

#[tokio::test]
async fn from_nobody_to_somebody_the_fields_stay() {
    for way in WAYS {
        let (_, store) = timed();
        let browser = shop(&store);
        browser.get("/fill").await;
        browser.get(&format!("/in/{way}/7")).await;
        let fields = browser.get("/fields").await.body;
        assert_eq!(fields, r#"["tea"] 3 Some("de") Some(1)"#, "{way}");
    }
}

#[tokio::test]
async fn from_one_to_another_every_field_goes_that_was_not_written_in_the_same_commit() {
    for (way, left) in [
        ("untyped", r#"[] 0 Some("de") None"#),
        ("accessor", r#"[] 0 Some("de") None"#),
        ("update", r#"[] 0 Some("de") None"#),
        // These write the whole view.
        ("set_state", r#"["tea"] 3 Some("de") None"#),
        ("untyped_state", r#"["tea"] 3 Some("de") None"#),
    ] {
        let (_, store) = timed();
        let browser = shop(&store);
        browser.get("/in/accessor/7").await;
        browser.get("/fill").await;
        let before = token(&browser);
        browser.get(&format!("/in/{way}/8")).await;
        assert_eq!(browser.get("/fields").await.body, left, "{way}");
        assert_eq!(whose(&browser, &before).await, "nobody", "{way}");
        assert_eq!(browser.get("/whoami").await.body, "8", "{way}");
    }
}

#[tokio::test]
async fn what_is_written_with_the_change_survives_it_also_where_it_is_equal() {
    let (_, store) = timed();
    let handler = async |account: Accounts, session: Session, Path(user): Path<u64>| {
        account.set_user(Some(user));
        // As it was, and as it was not.
        account.set_visits(3);
        session.insert("new", 2);
    };
    let routes = Router::new().route("/switch/{user}", get(handler));
    let browser = with(layer(&store), routes);
    for user in 7..10 {
        browser.get("/write/other/1").await;
        browser.get(&format!("/switch/{user}")).await;
        let record = record(&store).await;
        let names: Vec<_> = record.fields().iter().map(|field| field.name).collect();
        let others = if user == 7 {
            vec!["new", "other", "visits"]
        } else {
            vec!["new", "visits"]
        };
        assert_eq!(names, others);
    }
}

#[tokio::test]
async fn from_somebody_to_nobody_every_field_goes_unless_kept() {
    let (clock, store) = timed();
    let browser = shop(&store);
    browser.get("/in/accessor/7").await;
    browser.get("/fill").await;
    clock.advance(MINUTE);
    let before = token(&browser);
    let answer = browser.get("/forget").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(browser.get("/fields").await.body, r#"[] 0 Some("de") None"#);
    assert_eq!(browser.get("/whoami").await.body, "nobody");
    assert_eq!(whose(&browser, &before).await, "nobody");
    let record = record(&store).await;
    assert_eq!((record.owner(), record.owner_since()), (None, None));
    assert_eq!(record.started_at(), record.now());
}

#[tokio::test]
async fn a_kept_field_is_kept_however_often_and_by_whatever_hand_it_was_written() {
    for (paths, lang) in [
        (["/fill", "/write/lang/en", "/fill"], "de"),
        (["/fill", "/fill", "/write/lang/en"], "en"),
        // Equal to what a hand has written that knows no marks.
        (["/write/lang/de", "/write/lang/de", "/fill"], "de"),
    ] {
        let (_, store) = timed();
        let browser = shop(&store);
        browser.get("/in/accessor/7").await;
        for path in paths {
            browser.get(path).await;
        }
        browser.get("/forget").await;
        let fields = browser.get("/fields").await.body;
        assert_eq!(fields, format!("[] 0 Some({lang:?}) None"));
    }
}

#[tokio::test]
async fn the_owner_is_kept_once_and_clear_does_not_touch_it() {
    let (_, store) = timed();
    let clear = async |account: Accounts, session: Session| {
        account.clear();
        session.clear();
    };
    let routes = Router::new()
        .route("/clear", get(clear))
        .route("/in/{way}/{user}", get(log_in));
    let browser = with(layer(&store), routes);
    browser.get("/in/set_state/7").await;
    browser.get("/visit").await;
    assert_eq!(record(&store).await.fields().get("user"), None);
    browser.get("/clear").await.assert_no_set_cookie();
    let record = record(&store).await;
    assert_eq!((record.owner(), record.fields().len()), (Some("7"), 0));
}

#[tokio::test]
async fn an_owner_that_does_not_parse_reads_as_none() {
    let (_, store) = timed();
    let routes = Router::new().route(
        "/user",
        get(async |account: Accounts| format!("{:?}", account.user())),
    );
    let browser = with(layer(&store), routes);
    browser.get("/log_in/7").await;
    assert_eq!(browser.get("/user").await.body, "Some(7)");
    browser.get("/log_in/ada").await;
    assert_eq!(browser.get("/user").await.body, "None");
}

#[derive(SessionData)]
struct Member {
    #[session(owner, required)]
    name: String,
    points: u64,
}

#[tokio::test]
async fn a_required_owner_makes_the_view_exist_only_for_somebody_logged_in() {
    let (_, store) = timed();
    let routes = Router::new()
        .route(
            "/member",
            get(async |member: TypedSession<Member>| member.name()),
        )
        .route(
            "/perhaps",
            get(async |member: Option<TypedSession<Member>>| {
                member.map_or_else(|| "none".to_owned(), |member| member.name())
            }),
        )
        .route(
            "/join",
            get(async |session: Session| {
                session.set_state(Member {
                    name: "ada".to_owned(),
                    points: 1,
                });
            }),
        );
    let browser = with(layer(&store), routes);
    assert_eq!(
        browser.get("/member").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(browser.get("/perhaps").await.body, "none");
    browser.get("/join").await;
    assert_eq!(browser.get("/member").await.body, "ada");
    assert_eq!(browser.get("/perhaps").await.body, "ada");
    let before = token(&browser);
    browser.get("/join").await;
    assert_ne!(before, token(&browser), "to join again is to log in again");
    assert_eq!(whose(&browser, &before).await, "nobody");
}

#[tokio::test]
async fn a_change_of_owner_has_no_grace() {
    let (clock, store) = timed();
    let layer = layer(&store).rotate_every(HOUR).rotation_grace(MINUTE);
    let browser = browse(layer);
    browser.get("/write/a/1").await;
    let before = browser.copy();
    browser.get("/log_in/ada").await;
    assert_eq!(before.get("/whoami").await.body, "nobody");
    // Nor where a periodic rotation has just given the older token one.
    clock.advance(HOUR);
    let previous = browser.copy();
    browser.get("/whoami").await;
    assert_eq!(previous.copy().get("/whoami").await.body, "ada");
    browser.get("/log_in/ada").await;
    assert_eq!(previous.get("/whoami").await.body, "nobody");
}

#[tokio::test]
async fn a_former_owner_s_long_life_does_not_pass_to_the_next() {
    let (clock, store) = timed();
    let remember = async |session: Session| {
        session.set_owner("ada");
        session.remember(DAY * 30);
    };
    let routes = Router::new().route("/remember", get(remember));
    let browser = with(layer(&store).idle_timeout(HOUR), routes);
    browser.get("/remember").await;
    clock.advance(DAY);
    let answer = browser.get("/log_in/bob").await;
    assert!(
        !answer.set_cookies()[0].contains("Max-Age"),
        "{:?}",
        answer.set_cookies()
    );
    clock.advance(HOUR);
    assert_eq!(browser.get("/whoami").await.body, "nobody");
}

#[tokio::test]
async fn the_same_owner_again_renews_the_life_that_the_session_has_of_its_own() {
    let (clock, store) = timed();
    let remember = async |session: Session| {
        session.set_owner("ada");
        session.remember(DAY * 7);
    };
    let browser = with(
        layer(&store),
        Router::new().route("/remember", get(remember)),
    );
    browser.get("/remember").await;
    clock.advance(DAY * 6);
    browser.get("/log_in/ada").await;
    clock.advance(DAY * 6);
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn a_log_in_that_fails_changes_nothing() {
    let (_, store) = timed();
    let routes = Router::new().route(
        "/failing",
        get(async |session: Session| {
            session.set_owner("ada");
            StatusCode::INTERNAL_SERVER_ERROR
        }),
    );
    let browser = with(layer(&store), routes);
    browser.get("/write/a/1").await;
    let answer = browser.get("/failing").await;
    answer.assert_no_set_cookie();
    assert_eq!(browser.get("/read/a").await.body, "1");
    assert_eq!(record(&store).await.generation(), 0);
}
