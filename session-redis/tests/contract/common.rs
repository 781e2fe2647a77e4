//! What the tests share.

use std::{sync::Arc, time::Duration};

use session_core::{
    Committed, Created, FieldChange, Fields, Guard, Lifetime, NewRecord, OwnerChange, Patch,
    Record, Renewal, SessionId, SessionStore,
};

pub(crate) const LIFETIME: Lifetime = Lifetime {
    idle: Duration::from_mins(1),
    absolute: Duration::from_mins(10),
};

pub(crate) const ANYTIME: Guard = Guard {
    generation: u32::MAX,
    version: None,
};

/// Runs one test on a single server and on a cluster, each in its turn.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod single { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if crate::server::is_installed() {
                    let server = crate::server::Server::start(&[]).await;
                    let connection = server.connect().await;
                    let store = session_redis::RedisStore::new(connection.clone());
                    super::$name(store, connection).await;
                }
            }
        )* }
        #[cfg(feature = "cluster")]
        mod cluster { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if crate::server::is_installed() {
                    let directory = tempfile::tempdir().expect("a directory");
                    let cluster = crate::cluster::Cluster::start(directory.path()).await;
                    let connection = cluster.connect().await;
                    let store = cluster.store().await;
                    super::$name(store, connection).await;
                }
            }
        )* }
    };
}
pub(crate) use on_both;

pub(crate) fn new(owner: Option<&str>) -> NewRecord {
    NewRecord {
        fields: Fields::default().merge(&[FieldChange::set("count", "1")]),
        owner: owner.map(str::to_owned),
        lifetime: LIFETIME,
    }
}

pub(crate) async fn create(store: &impl SessionStore, owner: Option<&str>) -> SessionId {
    let id = SessionId::generate();
    let created = store.create(id, new(owner)).await.expect("it answers");
    assert!(matches!(created, Created::Created(_)));
    id
}

pub(crate) fn set(name: &'static str, json: &str) -> Patch {
    Patch {
        fields: vec![FieldChange::set(name, json)],
        ..Patch::default()
    }
}

pub(crate) fn owned_by(owner: OwnerChange) -> Patch {
    Patch {
        owner,
        renewal: Some(Renewal {
            lifetime: LIFETIME,
            unless_touched_after: None,
        }),
        ..Patch::default()
    }
}

pub(crate) async fn commit(store: &impl SessionStore, id: SessionId, patch: &Patch) -> Arc<Record> {
    match store.commit(id, ANYTIME, patch).await.expect("it answers") {
        Committed::Applied(record) => record,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn load(store: &impl SessionStore, id: SessionId) -> Option<Arc<Record>> {
    store.load(id).await.expect("it answers")
}

pub(crate) async fn sessions_of(store: &impl SessionStore, owner: &str) -> Vec<SessionId> {
    let found = store.find_by_owner(owner).await.expect("it answers");
    let mut ids: Vec<_> = found.into_iter().map(|(id, _)| id).collect();
    ids.sort();
    ids
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
