use std::sync::Arc;

use session_axum::{
    Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore, StoreError,
};

struct Toy;

impl SessionStore for Toy {
    async fn load(&self, _: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(None)
    }

    async fn create(&self, _: SessionId, _: NewRecord) -> Result<Created, StoreError> {
        Ok(Created::IdTaken)
    }

    async fn commit(&self, _: SessionId, _: Guard, _: &Patch) -> Result<Committed, StoreError> {
        Ok(Committed::Gone)
    }

    async fn delete(&self, _: SessionId) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn find_by_owner(&self, _: &str) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        Ok(Vec::new())
    }

    async fn revoke_owner(&self, _: &str, _: Option<SessionId>) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn delete_expired(&self, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn count(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn main() {}
