//! The owner's index and mark.

use std::time::Duration;

use session_core::{
    Committed, Lifetime, NewRecord, OwnerChange, Patch, Renewal, SessionId, SessionStore,
};
use session_redis::{Connection, RedisStore};

use crate::common::{ANYTIME, commit, create, hex, load, new, on_both, owned_by, sessions_of};

pub(crate) fn index_of(owner: &str) -> String {
    use sha2::Digest as _;

    let hash = sha2::Sha256::digest(owner.as_bytes());
    let hash = hex(&hash);
    format!("session:owner:{{{hash}}}")
}

fn to(owner: &str) -> Patch {
    owned_by(OwnerChange::Set(owner.to_owned()))
}

async fn the_sessions_of_an_owner_are_found<C: Connection, D: Connection>(
    store: RedisStore<C>,
    _: D,
) {
    let (phone, laptop) = (
        create(&store, Some("ada")).await,
        create(&store, Some("ada")).await,
    );
    let (other, guest) = (
        create(&store, Some("bob")).await,
        create(&store, None).await,
    );
    assert_eq!(sessions_of(&store, "ada").await, sorted([phone, laptop]));
    assert_eq!(sessions_of(&store, "nobody").await, []);
    commit(&store, guest, &to("ada")).await;
    commit(&store, phone, &to("bob")).await;
    commit(&store, laptop, &owned_by(OwnerChange::Cleared)).await;
    assert_eq!(sessions_of(&store, "ada").await, [guest]);
    assert_eq!(sessions_of(&store, "bob").await, sorted([phone, other]));
    assert!(store.delete(other).await.expect("it answers"));
    assert_eq!(sessions_of(&store, "bob").await, [phone]);
}

async fn all_sessions_of_an_owner_end_but_one<C: Connection, D: Connection>(
    store: RedisStore<C>,
    _: D,
) {
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(create(&store, Some("ada")).await);
    }
    let bob = create(&store, Some("bob")).await;
    let revoke = async |keep| store.revoke_owner("ada", keep).await.expect("it answers");
    assert_eq!(revoke(Some(ids[2])).await, 3);
    assert_eq!(sessions_of(&store, "ada").await, [ids[2]]);
    let again = create(&store, Some("ada")).await;
    assert!(load(&store, again).await.is_some(), "logged in right after");
    assert_eq!(revoke(Some(bob)).await, 2);
    assert_eq!(sessions_of(&store, "ada").await, []);
    assert_eq!(revoke(None).await, 0);
    assert!(load(&store, bob).await.is_some());
    for round in 0..50 {
        let id = create(&store, Some("ada")).await;
        assert!(load(&store, id).await.is_some(), "{round}");
        assert_eq!(revoke(None).await, 1, "{round}");
        assert!(load(&store, id).await.is_none(), "{round}");
    }
}

async fn a_revocation_holds_where_the_index_was_lost<C: Connection, D: Connection>(
    store: RedisStore<C>,
    mut connection: D,
) {
    let (lost, kept) = (
        create(&store, Some("ada")).await,
        create(&store, Some("ada")).await,
    );
    let mut forget = redis::cmd("DEL");
    forget.arg(index_of("ada"));
    let forgotten: u64 = forget
        .query_async(&mut connection)
        .await
        .expect("it answers");
    assert_eq!(forgotten, 1);
    assert_eq!(
        store
            .revoke_owner("ada", Some(kept))
            .await
            .expect("it answers"),
        0
    );
    assert!(load(&store, lost).await.is_none());
    assert!(load(&store, kept).await.is_some());
    // Who was ended by one mark is not brought back as the one that the next mark spares.
    store
        .revoke_owner("ada", Some(lost))
        .await
        .expect("it answers");
    assert!(load(&store, lost).await.is_none());
    assert!(load(&store, kept).await.is_none());
    // Nor by a request that was under way and logs in again.
    for id in [lost, kept] {
        let answer = store.commit(id, ANYTIME, &to("ada")).await;
        assert!(matches!(answer, Ok(Committed::Gone)), "{answer:?}");
        assert!(load(&store, id).await.is_none());
    }
    // Who logs in afterwards stays, and so does who logs in again.
    let new = create(&store, Some("ada")).await;
    commit(&store, new, &to("ada")).await;
    assert!(load(&store, new).await.is_some());
    assert_eq!(sessions_of(&store, "ada").await, [new]);
}

async fn the_index_heals_itself<C: Connection, D: Connection>(
    store: RedisStore<C>,
    mut connection: D,
) {
    let stays = create(&store, Some("ada")).await;
    let mut add = redis::cmd("ZADD");
    add.arg(index_of("ada"));
    let members: [&[u8]; 3] = [
        b"nonsense",
        b"00000000000000000000000000000000",
        b"\xff\xfe",
    ];
    for member in members {
        add.arg(9_000_000_000_000_000_u64).arg(member);
    }
    add.exec_async(&mut connection).await.expect("it answers");
    let members = async |mut connection: D| {
        let count = redis::cmd("ZCARD")
            .arg(index_of("ada"))
            .query_async::<u64>(&mut connection)
            .await;
        count.expect("it answers")
    };
    assert_eq!(members(connection.clone()).await, 4);
    assert_eq!(store.delete_expired(2).await.expect("it answers"), 2);
    assert_eq!(members(connection.clone()).await, 2);
    assert_eq!(sessions_of(&store, "ada").await, [stays]);
    for _ in 0..100 {
        if members(connection.clone()).await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a stale member stays");
}

async fn who_logs_out_and_in_again_is_listed_for_ever<C: Connection, D: Connection>(
    store: RedisStore<C>,
    _: D,
) {
    let lifetime = Lifetime {
        idle: Duration::from_hours(1),
        absolute: Duration::MAX,
    };
    let renewal = Some(Renewal {
        lifetime,
        unless_touched_after: None,
    });
    let owners = || (0..20).map(|number| format!("ada {number}"));
    for name in owners() {
        let (id, owner) = (SessionId::generate(), Some(&*name));
        let start = NewRecord {
            lifetime,
            ..new(owner)
        };
        store.create(id, start).await.expect("it answers");
        for owner in [OwnerChange::Cleared, OwnerChange::Set(name)] {
            let patch = Patch {
                owner,
                renewal,
                ..Patch::default()
            };
            commit(&store, id, &patch).await;
        }
    }
    // What the log-outs have left to do in the background.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for name in owners() {
        assert_eq!(sessions_of(&store, &name).await.len(), 1, "{name}");
    }
}

async fn a_member_that_is_no_text_keeps_nobody_from_revoking<C: Connection, D: Connection>(
    store: RedisStore<C>,
    mut connection: D,
) {
    let id = create(&store, Some("ada")).await;
    let mut add = redis::cmd("ZADD");
    add.arg(index_of("ada")).arg(9_000_000_000_000_000_u64);
    add.arg(b"\xff\xfe");
    add.exec_async(&mut connection).await.expect("it answers");
    assert_eq!(sessions_of(&store, "ada").await, [id]);
    let revoked = store.revoke_owner("ada", None).await;
    assert_eq!(revoked.expect("it answers"), 1);
    assert!(load(&store, id).await.is_none());
}

async fn a_thousand_sessions_of_one_owner<C: Connection, D: Connection>(
    store: RedisStore<C>,
    _: D,
) {
    let mut ids = Vec::new();
    for _ in 0..1_000 {
        ids.push(create(&store, Some("ada")).await);
    }
    ids.sort();
    assert_eq!(sessions_of(&store, "ada").await, ids);
    assert_eq!(store.count().await.expect("it answers"), 1_000);
    assert_eq!(
        store
            .revoke_owner("ada", Some(ids[0]))
            .await
            .expect("it answers"),
        999
    );
    assert_eq!(store.count().await.expect("it answers"), 1);
}

fn sorted(mut ids: [SessionId; 2]) -> [SessionId; 2] {
    ids.sort();
    ids
}

on_both! {
    the_sessions_of_an_owner_are_found
    all_sessions_of_an_owner_end_but_one
    a_revocation_holds_where_the_index_was_lost
    the_index_heals_itself
    who_logs_out_and_in_again_is_listed_for_ever
    a_member_that_is_no_text_keeps_nobody_from_revoking
    a_thousand_sessions_of_one_owner
}
