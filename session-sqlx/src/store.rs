//! The store contract on top of the statements, the same for every engine.

/// Implements `SessionStore` for a store whose `inner` has the statements, with its methods that ask the engine for the
/// rows of a statement that reads, writes or commits, and with its own `apply`, which commits more than fields.
macro_rules! session_store {
    ($store:ty, reads: $read:ident, writes: $write:ident, commits: $commit:ident) => {
        impl SessionStore for $store {
            async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
                let load = |query: Statement| query.bind(id.as_bytes().to_vec());
                let rows = self.$read(&self.inner.statements.load, load).await?;
                match rows.first() {
                    Some(row) if !is_dead(row)? => decode(row).map(Some),
                    _ => Ok(None),
                }
            }

            async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
                let create = |query: Statement| {
                    let [fields, kept] = encode(&new.fields);
                    let [idle, absolute] = lifetime(Some(new.lifetime));
                    query
                        .bind(id.as_bytes().to_vec())
                        .bind(fields)
                        .bind(kept)
                        .bind(new.owner.as_deref().map(encode_owner))
                        .bind(idle)
                        .bind(absolute)
                };
                let rows = self.$write(&self.inner.statements.create, create).await?;
                Ok(match rows.first() {
                    Some(row) => Created::Created(decode(row)?),
                    None => Created::IdTaken,
                })
            }

            async fn commit(
                &self,
                id: SessionId,
                guard: Guard,
                patch: &Patch,
            ) -> Result<Committed, StoreError> {
                if !patch.is_of_fields_alone() {
                    return self.apply(id, guard, patch).await;
                }
                let commit =
                    |query: Statement| bind_fields!(query, id, FieldParameters::new(guard, patch));
                let rows = self
                    .$commit(&self.inner.statements.commit_fields, commit)
                    .await?;
                match rows.first() {
                    Some(row) => Ok(Committed::Applied(decode(row)?)),
                    None => self.refused(id, guard).await,
                }
            }

            async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
                let delete = |query: Statement| query.bind(id.as_bytes().to_vec());
                let rows = self.$write(&self.inner.statements.delete, delete).await?;
                Ok(lived(&rows)? > 0)
            }

            async fn find_by_owner(
                &self,
                owner: &str,
            ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
                let find = |query: Statement| query.bind(encode_owner(owner));
                decode_all(
                    &self
                        .$read(&self.inner.statements.find_by_owner, find)
                        .await?,
                )
            }

            async fn revoke_owner(
                &self,
                owner: &str,
                keep: Option<SessionId>,
            ) -> Result<u64, StoreError> {
                let keep = keep.map(|id| id.as_bytes().to_vec());
                let revoke = |query: Statement| query.bind(encode_owner(owner)).bind(keep.clone());
                lived(
                    &self
                        .$write(&self.inner.statements.revoke_owner, revoke)
                        .await?,
                )
            }

            async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
                let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
                let sweep = |query: Statement| query.bind(at_most);
                let rows = self
                    .$write(&self.inner.statements.delete_expired, sweep)
                    .await?;
                let removed = rows.len() as u64;
                session_core::observe::expired(removed);
                Ok(removed)
            }

            async fn count(&self) -> Result<u64, StoreError> {
                let rows = self
                    .$read(&self.inner.statements.count, |query| query)
                    .await?;
                counted(&rows)
            }
        }

        impl $store {
            async fn refused(&self, id: SessionId, guard: Guard) -> Result<Committed, StoreError> {
                let load = |query: Statement| query.bind(id.as_bytes().to_vec());
                let rows = self.$read(&self.inner.statements.load, load).await?;
                rows.first()
                    .map_or(Ok(Committed::Gone), |row| refusal(row, guard))
            }
        }
    };
}
pub(crate) use session_store;
