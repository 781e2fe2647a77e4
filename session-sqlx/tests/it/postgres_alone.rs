//! What PostgreSQL adds to the contract: cheap touches, zones, replicas, lost connections, and sweeping.

use std::{error::Error as _, time::Duration};

use session_core::{SessionStore, conformance::Harness as _};
use session_sqlx::PostgresStore;
use session_tests::{Log, faults::until};
use sqlx::{
    AssertSqlSafe, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    ANYTIME, DAMAGES, LIFETIME, apply, create, is_refused, postgres::Schema, set_count, touch,
};

async fn connect(schema: &Schema, setting: (&str, &str)) -> PostgresStore {
    let options: PgConnectOptions = schema.server.parse().expect("a URL");
    let pool = PgPool::connect_with(options.options([setting])).await;
    schema.store_in(pool.expect("the server"))
}

#[tokio::test]
async fn touches_and_writes_leave_the_indexes_alone() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(create(&store).await);
    }
    for at in 0..10 {
        for id in &ids {
            apply(&store, *id, &touch()).await;
            apply(&store, *id, &set_count(at)).await;
        }
    }
    let updates = async || {
        let sql = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = $1";
        let row = sqlx::query(sql).bind(&schema.name).fetch_one(&schema.pool);
        let row = row.await.expect("statistics");
        (row.get::<i64, _>(0), row.get::<i64, _>(1))
    };
    // The server counts with some delay, when a connection rests.
    drop(store);
    until("all are counted", async || updates().await.0 == 2_000).await;
    let (all, hot) = updates().await;
    println!("{hot} of {all} updates were HOT");
    assert!(hot * 10 >= all * 9, "{hot} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_may_migrate_at_once() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let mut started = Vec::new();
    for level in ["read committed", "serializable"].repeat(4) {
        let store = connect(&schema, ("default_transaction_isolation", level)).await;
        started.push(tokio::spawn(async move {
            store.migrate().await.expect("migrate");
            store.migrate().await.expect("again");
            create(&store).await
        }));
    }
    let store = schema.store_in(schema.pool.clone());
    for task in started {
        let id = task.await.expect("migrated");
        assert!(store.load(id).await.expect("load").is_some());
    }
}

#[tokio::test]
async fn migrating_needs_no_rights_where_nothing_is_missing() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    schema.store().await;
    let role = async |verb: &str| {
        let sql = AssertSqlSafe(format!("{verb} ROLE \"{}\"", schema.name));
        let done = sqlx::query(sql).execute(&schema.pool).await;
        done.expect(verb);
    };
    role("CREATE").await;
    for setting in [
        ("role", &*schema.name),
        ("default_transaction_read_only", "on"),
    ] {
        let migrated = connect(&schema, setting).await.migrate().await;
        migrated.expect(setting.0);
    }
    role("DROP").await;
}

#[tokio::test]
async fn an_index_of_another_table_is_not_taken_for_ours() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    schema.run("ALTER TABLE sessions RENAME TO old").await;
    let error = store.migrate().await.expect_err("no index");
    let source = error.source().expect("a cause").to_string();
    assert!(source.contains("\"sessions_owner\""), "{source}");
}

#[tokio::test]
async fn a_table_may_have_another_name() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let named = |name: &str| {
        let builder = PostgresStore::builder(schema.pool.clone());
        builder.schema(&*schema.name).expect("a name").table(name)
    };
    let store = named("app_sessions").expect("a name").build();
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    let other = named("other").expect("a name").build();
    other.migrate().await.expect("migrate");
    assert!(other.load(id).await.expect("load").is_none());
    assert!(store.load(id).await.expect("load").is_some());
    assert!(named("x\"; DROP TABLE sessions").is_err());
}

#[tokio::test]
async fn a_row_is_not_written_over_whatever_keeps_it_from_being_read() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    let row = async || {
        let sql = format!(
            "SELECT concat(fields, kept, version, expires_at) FROM \"{}\".sessions",
            schema.name
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&schema.pool);
        row.await.expect("a row").get::<String, _>(0)
    };
    for damage in DAMAGES {
        let id = create(&store).await;
        let sql = format!("UPDATE sessions SET {damage}");
        assert_eq!(schema.run(&sql).await, 1);
        let before = row().await;
        is_refused(&store, id, damage).await;
        assert_eq!(row().await, before, "{damage}");
        assert!(store.delete(id).await.expect("delete"), "{damage}");
    }
}

#[tokio::test]
async fn a_sweep_waits_for_nobody() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    for _ in 0..3 {
        create(&store).await;
    }
    schema.pass(LIFETIME.idle).await;
    let mut busy = schema.pool.begin().await.expect("begin");
    let lock = format!(
        "SELECT FROM \"{}\".sessions LIMIT 1 FOR UPDATE",
        schema.name
    );
    let locked = sqlx::query(AssertSqlSafe(lock)).execute(&mut *busy).await;
    assert_eq!(locked.expect("locked").rows_affected(), 1);
    let sweep = tokio::time::timeout(Duration::from_secs(20), store.delete_expired(10));
    let removed = sweep.await.expect("it does not wait").expect("sweep");
    assert_eq!(removed, 2);
    busy.rollback().await.expect("rollback");
    assert_eq!(store.delete_expired(10).await.expect("sweep"), 1);
}

#[tokio::test]
async fn a_sweep_takes_all_that_died_at_once() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    create(&store).await;
    let many = "INSERT INTO sessions SELECT sha256(n::text::bytea), fields, kept, owner, owner_since, created_at,
        started_at, touched_at, rotated_at, confirmed_at, expires_at, generation, barrier, version
        FROM sessions, generate_series(1, 2000) AS n";
    schema.run(many).await;
    schema.pass(LIFETIME.idle).await;
    let log = Log::start();
    store.sweep_every(Duration::from_millis(10));
    let mut lines = String::new();
    until("the dead are gone", async || {
        lines.push_str(&log.lines());
        lines.contains("session.expired") || lines.contains("expired sessions removed")
    })
    .await;
    assert!(lines.contains("sessions=2001"), "{lines}");
}

#[tokio::test]
async fn the_server_s_time_zone_does_not_matter() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    let ahead = connect(&schema, ("TimeZone", "Pacific/Kiritimati")).await;
    let behind = connect(&schema, ("TimeZone", "Pacific/Pago_Pago")).await;
    let id = create(&ahead).await;
    for other in [&behind, &store, &ahead] {
        assert_eq!(other.delete_expired(10).await.expect("sweep"), 0);
        apply(other, id, &touch()).await;
        let record = other.load(id).await.expect("load").expect("alive");
        let left = record.expires_at().since(record.now());
        assert!(
            left <= LIFETIME.idle && left > LIFETIME.idle / 2,
            "{left:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_can_not_be_written_or_reached_is_unavailable() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    let id = create(&store).await;
    let replica = connect(&schema, ("default_transaction_read_only", "on")).await;
    assert!(replica.load(id).await.expect("load").is_some());
    let error = replica.commit(id, ANYTIME, &touch()).await;
    let error = error.expect_err("read-only");
    assert!(
        error.is_unavailable() && error.source().is_some(),
        "{error:?}"
    );

    let nobody = PgConnectOptions::new().host("127.0.0.1").port(1);
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(200))
        .connect_lazy_with(nobody);
    let error = PostgresStore::new(pool).load(id).await.expect_err("nobody");
    assert!(error.is_unavailable(), "{error:?}");

    // No table: somebody forgot to migrate, which is not for the client to try again.
    let forgotten = PostgresStore::builder(schema.pool.clone()).table("forgotten");
    let error = forgotten.expect("a name").build().load(id).await;
    assert!(!error.expect_err("no table").is_unavailable());
}

#[tokio::test]
async fn an_error_that_quotes_the_row_does_not_show_it() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store().await;
    let id = create(&store).await;
    let limit = "ALTER TABLE sessions ADD CHECK (length(fields::text) < 20)";
    schema.run(limit).await;
    let error = store.commit(id, ANYTIME, &set_count(493_817_493_817)).await;
    let error = error.expect_err("too long");
    let source = error.source().expect("a cause").to_string();
    let shown = format!("{error} {error:?} {source}");
    assert!(shown.contains("violates check constraint"), "{shown}");
    assert!(!shown.contains("493817"), "{shown}");
}

#[tokio::test]
async fn the_pool_recovers_from_lost_connections() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = connect(&schema, ("application_name", &schema.name)).await;
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    let killed = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
    )
    .bind(&schema.name)
    .fetch_all(&schema.pool)
    .await;
    assert!(!killed.expect("killed").is_empty());
    until("it is connected again", async || {
        matches!(store.load(id).await, Ok(Some(_)))
    })
    .await;
    apply(&store, id, &touch()).await;
}

#[tokio::test]
async fn the_sweeper_survives_errors_and_ends_with_the_store() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let store = schema.store_in(schema.pool.clone());
    // There is no table yet.
    store.sweep_every(Duration::from_millis(10));
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.migrate().await.expect("migrate");
    let rows = async || {
        // A lock of every row, so that nothing is counted that is just going.
        schema
            .run("UPDATE sessions SET created_at = created_at")
            .await
    };
    for _ in 0..20 {
        create(&store).await;
    }
    schema.pass(LIFETIME.idle / 2).await;
    let live = create(&store).await;
    schema.pass(LIFETIME.idle / 2).await;
    until("the dead are gone", async || rows().await == 1).await;
    assert!(store.load(live).await.expect("load").is_some());

    drop(store);
    // A sweep under way is carried to its end.
    tokio::time::sleep(Duration::from_millis(100)).await;
    schema.pass(LIFETIME.idle).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rows().await, 1);
}
