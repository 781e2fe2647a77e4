//! [`Sessions`]: everything outside a request.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use session_core::{Backend, Error, SessionData, SessionId, SessionRef};

use crate::SessionError;

/// The sessions of an owner, outside any request: device lists, "log out there", "log out everywhere".
///
/// From [`SessionLayer::sessions`](crate::SessionLayer::sessions); cheap to clone, so put it into the app's state.
/// Nothing it gives is a credential. Every method costs one store call, and one more for each session it changes.
///
/// ```
/// use axum::extract::State;
/// use session_axum::{Session, SessionData, SessionError, Sessions};
///
/// #[derive(SessionData)]
/// struct Device {
///     name: String,
/// }
///
/// async fn devices(
///     State(sessions): State<Sessions>,
///     session: Session,
/// ) -> Result<Vec<String>, SessionError> {
///     let owner = session.owner().unwrap_or_default();
///     let list = sessions.list::<Device>(&owner, Some(&session)).await?;
///     let shown = |info: session_axum::SessionInfo<Device>| {
///         let name = info.state.map(|device| device.name).unwrap_or_default();
///         format!("{name} {} {}", info.session_ref, if info.is_this { "(this one)" } else { "" })
///     };
///     Ok(list.into_iter().map(shown).collect())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Sessions {
    backend: Arc<Backend>,
}

/// One session in a list.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionInfo<T> {
    /// Its name in the list, for [`Sessions::revoke`].
    pub session_ref: SessionRef,
    /// The view; `None` where a required field is missing, or a strict one does not decode.
    pub state: Option<T>,
    /// When it was created.
    pub created_at: SystemTime,
    /// The last activity, as exact as the touch interval.
    pub last_seen: SystemTime,
    /// When the owner was last set: the last log-in.
    pub owner_since: Option<SystemTime>,
    /// How long ago it was created, by the store's clock.
    pub age: Duration,
    /// How long ago it was last seen, by the store's clock.
    pub idle_for: Duration,
    /// It is the session of the request that asks.
    pub is_this: bool,
}

impl Sessions {
    pub(crate) fn new(backend: Arc<Backend>) -> Self {
        Self { backend }
    }

    /// The live sessions of an owner, the one seen last first. `this` marks the session of the request that asks.
    pub async fn list<T: SessionData>(
        &self,
        owner: &str,
        this: Option<&session_core::Session>,
    ) -> Result<Vec<SessionInfo<T>>, SessionError> {
        let this = this.and_then(session_core::Session::id_in_lists);
        let mut found = self.find(owner).await?;
        found.sort_by_key(|(_, record)| std::cmp::Reverse(record.touched_at()));
        let info = |(id, record): (SessionId, Arc<session_core::Record>)| SessionInfo {
            session_ref: id.to_ref(),
            created_at: record.created_at().into(),
            last_seen: record.touched_at().into(),
            owner_since: record.owner_since().map(Into::into),
            age: record.now().since(record.created_at()),
            idle_for: record.now().since(record.touched_at()),
            is_this: Some(id) == this,
            state: self.resume(id, record).state().ok(),
        };
        Ok(found.into_iter().map(info).collect())
    }

    /// How many live sessions an owner has.
    pub async fn count(&self, owner: &str) -> Result<usize, SessionError> {
        Ok(self.find(owner).await?.len())
    }

    /// Ends one session of an owner; whether there was such a one. That of another owner is none.
    pub async fn revoke(&self, owner: &str, session: SessionRef) -> Result<bool, SessionError> {
        for (id, _) in self.find(owner).await? {
            if id.to_ref() == session {
                return Ok(self.backend.delete(id).await.map_err(Error::from)?);
            }
        }
        Ok(false)
    }

    /// Ends all sessions of an owner; how many.
    pub async fn revoke_all(&self, owner: &str) -> Result<u64, SessionError> {
        Ok(self
            .backend
            .revoke_owner(owner, None)
            .await
            .map_err(Error::from)?)
    }

    /// Ends all sessions of an owner but this one, as after a change of the password (ASVS 5, 7.4.3); how many.
    /// This one goes on, and [rotates](session_core::Session::rotate) when its response leaves. It goes on also where another
    /// request has rotated it since this one began: if that may have been somebody else with the same cookie, `rotate()` and
    /// `commit()` first, and after a `Gone` [`revoke_all`](Self::revoke_all).
    pub async fn revoke_others(
        &self,
        owner: &str,
        this: &session_core::Session,
    ) -> Result<u64, SessionError> {
        let revoked = self.backend.revoke_owner(owner, this.id_in_lists()).await;
        this.rotate();
        Ok(revoked.map_err(Error::from)?)
    }

    /// Changes a view in all sessions of an owner, each atomically; in how many. Sessions without the view are left
    /// out, and so are those that end meanwhile. Nobody's activity: it renews no expiry, and nobody is seen by it.
    ///
    /// The owner can't be changed like this ([`ResponseSent`](session_core::Error::ResponseSent)): the clients would be
    /// logged out, for nobody could give them their new tokens.
    ///
    /// A session that can't be changed keeps none of the others from it: the first error is returned at the end.
    pub async fn update<T: SessionData>(
        &self,
        owner: &str,
        mut change: impl FnMut(&mut T),
    ) -> Result<usize, SessionError> {
        let (mut updated, mut failed) = (0, None);
        let mut found = self.find(owner).await?;
        while let Some((id, record)) = found.pop() {
            match self.resume(id, record).update(&mut change).await {
                Ok(()) => updated += 1,
                // It ended, or was rotated just now: then it goes on, and is still to be changed.
                Err(Error::Gone) => {
                    let again = self.find(owner).await?;
                    found.extend(again.into_iter().find(|(other, _)| *other == id));
                }
                Err(Error::Missing(_)) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(updated),
        }
    }

    async fn find(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<session_core::Record>)>, SessionError> {
        Ok(self
            .backend
            .find_by_owner(owner)
            .await
            .map_err(Error::from)?)
    }

    fn resume(&self, id: SessionId, record: Arc<session_core::Record>) -> session_core::Session {
        session_core::Session::resume(Arc::clone(&self.backend), id, record)
    }
}
