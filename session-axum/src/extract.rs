//! The extractors: [`TypedSession`] and [`Session`].

use std::{fmt, marker::PhantomData, ops::Deref, time::Duration};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use session_core::{SessionData, Status};

use crate::{SessionError, SessionRejection, slot::Slot};

/// The untyped session of a request: an extractor, and what [`TypedSession::session`] gives.
///
/// It dereferences to [`session_core::Session`], whose methods read and stage; those here reach the store.
/// Extracts also from a record that can't be read (status [`Undecodable`](Status::Undecodable)): it then reads
/// nothing and refuses writes, but can be destroyed, so that nobody is locked out.
///
/// ```
/// use session_axum::{Session, SessionError};
///
/// async fn log_out(session: Session) {
///     session.destroy();
/// }
///
/// async fn save_now(session: Session) -> Result<(), SessionError> {
///     session.insert("step", 2);
///     session.commit().await
/// }
/// ```
pub struct Session<L = ()> {
    inner: session_core::Session,
    layer: PhantomData<fn() -> L>,
}

impl<L> Session<L> {
    /// Commits what is staged, now instead of when the response leaves. Whatever the outcome, it is staged no
    /// more, but after [`SessionError::Contended`].
    ///
    /// One store call, if there is anything to send. [`SessionError::Gone`] if the session ended or was superseded. Where
    /// another commit of this request is under way, it waits, and fails also if that one does, with which its writes may
    /// have gone; `Contended` if it waited in vain: then they stay staged, for another try or for the response's commit.
    pub async fn commit(&self) -> Result<(), SessionError> {
        Ok(self.inner.commit().await?)
    }

    /// Changes a view atomically: [all of it](TypedSession::update) is at the typed handle. Here the closure's argument
    /// says which view.
    ///
    /// ```
    /// use session_axum::{Session, SessionData, SessionError};
    ///
    /// #[derive(SessionData)]
    /// struct Visit {
    ///     count: u64,
    /// }
    ///
    /// async fn count(session: Session) -> Result<String, SessionError> {
    ///     let count = session.update(|visit: &mut Visit| {
    ///         visit.count += 1;
    ///         visit.count
    ///     });
    ///     Ok(count.await?.to_string())
    /// }
    /// ```
    pub async fn update<T: SessionData, R>(
        &self,
        change: impl FnMut(&mut T) -> R,
    ) -> Result<R, SessionError> {
        Ok(self.inner.update(change).await?)
    }

    /// As [`update`](Self::update), but a closure that returns an `Err` saves nothing. Its error is yours, made also of
    /// a [`SessionError`].
    ///
    /// ```
    /// use session_axum::{Session, SessionData, SessionError};
    ///
    /// #[derive(SessionData)]
    /// struct Visit {
    ///     tickets: u64,
    /// }
    ///
    /// enum Buying {
    ///     SoldOut,
    ///     Failed(SessionError),
    /// }
    ///
    /// impl From<SessionError> for Buying {
    ///     fn from(error: SessionError) -> Self {
    ///         Self::Failed(error)
    ///     }
    /// }
    ///
    /// async fn buy(session: &Session) -> Result<(), Buying> {
    ///     let bought = session.try_update(|visit: &mut Visit| {
    ///         if visit.tickets == 10 {
    ///             return Err(Buying::SoldOut);
    ///         }
    ///         visit.tickets += 1;
    ///         Ok(())
    ///     });
    ///     bought.await
    /// }
    /// ```
    pub async fn try_update<T: SessionData, R, E: From<SessionError>>(
        &self,
        change: impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        match self.inner.try_update(change).await {
            Ok(result) => result,
            Err(error) => Err(SessionError::from(error).into()),
        }
    }

    /// Loads the newest record: one store call. Staged writes stay staged. [`SessionError::Gone`] if the session ended or was
    /// superseded.
    pub async fn refresh(&self) -> Result<(), SessionError> {
        Ok(self.inner.refresh().await?)
    }

    /// Refuses with [`SessionRejection::NotFresh`] (401) unless the owner was set at most this long ago: before a
    /// sensitive action, let the user log in again (ASVS 5, 7.5.1 and 7.5.3). Costs nothing; it judges by the store's last
    /// answer, so a socket that is open for long calls [`refresh`](Self::refresh) first. A handler that meets both this
    /// and a [`SessionError`] returns `axum::response::Result`, which takes either by `?`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use session_axum::Session;
    ///
    /// async fn change_password(session: Session) -> axum::response::Result<&'static str> {
    ///     session.require_fresh(Duration::from_secs(5 * 60))?;
    ///     Ok("changed")
    /// }
    /// ```
    pub fn require_fresh(&self, within: Duration) -> Result<(), SessionRejection> {
        match self.inner.owner_age() {
            Some(age) if age <= within => Ok(()),
            _ => Err(SessionRejection::NotFresh),
        }
    }

    /// Waits until the session has ended, in whatever process, and says how: for a socket or a stream, which outlives
    /// its request. It asks the store every ten seconds, one load each time, and may be so much late:
    /// [all of it](session_core::Session::ended).
    ///
    /// ```
    /// use std::time::Duration;
    /// use session_axum::Session;
    ///
    /// async fn serve(session: Session) {
    ///     loop {
    ///         tokio::select! {
    ///             status = session.ended() => {
    ///                 println!("log in again: {status:?}");
    ///                 break;
    ///             }
    ///             () = tokio::time::sleep(Duration::from_secs(1)) => println!("still here"),
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn ended(&self) -> Status {
        self.inner.ended().await
    }

    /// As [`ended`](Self::ended), asking the store this often.
    pub async fn ended_asking_every(&self, period: Duration) -> Status {
        self.inner.ended_asking_every(period).await
    }

    /// Loads the newest record, and renews its expiry if a touch is due: one store call, or two. [`SessionError::Gone`]
    /// if the session ended or was superseded. After the response, where the cookie is persistent, a touch is due only from
    /// half of its time on, for requests can renew the cookie, too.
    pub async fn touch(&self) -> Result<(), SessionError> {
        Ok(self.inner.touch().await?)
    }
}

impl<L> Deref for Session<L> {
    type Target = session_core::Session;

    fn deref(&self) -> &session_core::Session {
        &self.inner
    }
}

impl<L> Clone for Session<L> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: PhantomData,
        }
    }
}

impl<L> fmt::Debug for Session<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<S: Sync, L: 'static> FromRequestParts<S> for Session<L> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let place = match parts.extensions.get::<Slot<L>>() {
            Some(Slot::Open(place, _)) => place,
            Some(Slot::Skipped) => return Err(SessionRejection::Skipped),
            None => return Err(SessionRejection::missing_layer::<L>()),
        };
        if let Some(name) = Slot::<L>::shared(place, &parts.extensions) {
            let name = name.to_owned();
            return Err(SessionRejection::OneCookie { name });
        }
        let beside_others = Slot::<L>::is_beside_others(place, &parts.extensions);
        let inner = place.session(&parts.headers, beside_others).await;
        Ok(Self {
            inner: inner.map_err(SessionRejection::Store)?,
            layer: PhantomData,
        })
    }
}

impl<S: Sync, L: 'static> OptionalFromRequestParts<S> for Session<L> {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        let session = <Self as FromRequestParts<S>>::from_request_parts(parts, state).await;
        SessionRejection::optional(session)
    }
}

/// A request's session seen as a `T`.
///
/// It dereferences to the accessors that `#[derive(SessionData)]` wrote for `T`: `count()`, `set_count(..)` and so on.
/// They are synchronous and infallible, and see the request's own writes. The methods below are all that it has
/// itself, for ever; everything else is on [`session`](Self::session). Clones, and other views in the same request,
/// share one session, loaded once.
///
/// `Option<TypedSession<T>>` is `None` for a skipped request and for one whose session lacks a required field;
/// `Result<TypedSession<T>, SessionRejection>` tells everything.
pub struct TypedSession<T: SessionData, L = ()> {
    accessors: T::Accessors,
    session: Session<L>,
}

impl<T: SessionData, L> TypedSession<T, L> {
    /// The whole view, as this request sees it now. Consumes no flash field.
    #[must_use]
    pub fn state(&self) -> T {
        T::state(&self.accessors)
    }

    /// Stages the whole view. Only fields that differ from what they read now are written; an owner in it is always
    /// set, also to the same value, and so [rotates](session_core::Session::rotate).
    pub fn set_state(&self, state: T) {
        self.session.set_state(state);
    }

    /// Stages the removal of this view's fields. Those of other views, the session and its owner stay.
    pub fn clear(&self) {
        session_core::__private::clear::<T>(&self.session);
    }

    /// Changes the view atomically: the closure sees the newest record under this request's staged writes, and runs
    /// again if another request committed in between. Every `Ok` counts exactly once, on every store.
    ///
    /// What it changed is stored when it returns; nothing else is. One store call, none if nothing changed, and one
    /// more for each time that the closure runs again. The closure is no `async` one: await first what it needs.
    ///
    /// The error is [`Gone`](SessionError::Gone) where the session ended or was superseded meanwhile,
    /// [`Contended`](SessionError::Contended) after the layer's `update_timeout` (30 seconds), or what the store said.
    pub async fn update<R>(&self, change: impl FnMut(&mut T) -> R) -> Result<R, SessionError> {
        Ok(self.session.inner.update(change).await?)
    }

    /// As [`update`](Self::update), but a closure that returns an `Err` saves nothing.
    pub async fn try_update<R, E: From<SessionError>>(
        &self,
        change: impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        self.session.try_update(change).await
    }

    /// The untyped handle: rotate, destroy, commit, the owner, and all else.
    #[must_use]
    pub fn session(&self) -> &Session<L> {
        &self.session
    }
}

impl<T: SessionData, L> Deref for TypedSession<T, L> {
    type Target = T::Accessors;

    fn deref(&self) -> &T::Accessors {
        &self.accessors
    }
}

impl<T: SessionData, L> Clone for TypedSession<T, L> {
    fn clone(&self) -> Self {
        Self {
            accessors: self.accessors.clone(),
            session: self.session.clone(),
        }
    }
}

impl<T: SessionData, L> fmt::Debug for TypedSession<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}

impl<S: Sync, T: SessionData, L: 'static> FromRequestParts<S> for TypedSession<T, L> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        let session = <Session<L> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if session.status() == Status::Undecodable {
            return Err(SessionRejection::Undecodable);
        }
        Ok(Self {
            accessors: T::accessors(session.view())?,
            session,
        })
    }
}

impl<S: Sync, T: SessionData, L: 'static> OptionalFromRequestParts<S> for TypedSession<T, L> {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        let session = <Self as FromRequestParts<S>>::from_request_parts(parts, state).await;
        SessionRejection::optional(session)
    }
}
