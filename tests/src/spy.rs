//! The kit's counting store, around one that can be told to fail or to wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use session_axum::{
    Committed, Created, Guard, MemoryStore, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError,
    test_util::{CountingStore, StoreCall},
};
use tokio::{sync::oneshot, time::timeout};

/// Nothing that is held comes so late, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A method of a store.
pub type Call = StoreCall;

/// A store around another one: its log is the assertion.
#[derive(Debug, Clone)]
pub struct SpyStore<S = MemoryStore> {
    /// The store itself, for looking and for meddling unseen.
    pub inner: S,
    counting: CountingStore<Obedient<S>>,
}

/// Does what it is told to, and else what the store does.
#[derive(Debug, Clone)]
struct Obedient<S> {
    inner: S,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    patches: Vec<Patch>,
    last_id: Option<SessionId>,
    /// For one method, or for all that change the store.
    orders: VecDeque<(Option<Call>, Order)>,
    ids_taken: usize,
    slow: bool,
    contended: bool,
}

#[derive(Debug)]
enum Order {
    Fail(StoreError),
    /// The store does it, and then the answer is lost.
    FailAfter(StoreError),
    Wait(oneshot::Sender<()>, oneshot::Receiver<()>),
    WaitAfter(oneshot::Sender<()>, oneshot::Receiver<()>),
}

/// A call that waits in the store.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the call is there. Fails where it never comes, instead of waiting for ever.
    pub async fn reached(&mut self) {
        let reached = timeout(PATIENCE, &mut self.reached).await;
        reached.expect("the call comes").expect("the store lives");
    }

    /// Lets it go on.
    pub fn release(self) {
        // Nobody is there any more when the request was cancelled.
        let _ = self.release.send(());
    }
}

impl SpyStore {
    /// Around a new memory store.
    #[must_use]
    pub fn new() -> Self {
        Self::around(MemoryStore::new())
    }
}

impl Default for SpyStore {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone> SpyStore<S> {
    /// Around this store.
    pub fn around(inner: S) -> Self {
        let obedient = Obedient {
            inner: inner.clone(),
            script: Arc::default(),
        };
        Self {
            inner,
            counting: CountingStore::new(obedient),
        }
    }
}

impl<S> SpyStore<S> {
    /// The calls since the last time somebody asked.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.counting.take_calls()
    }

    /// Forgets the calls and patches so far.
    pub fn forget_calls(&self) {
        self.counting.forget_calls();
        self.script().patches.clear();
    }

    /// Fails if there was any call since the last time somebody asked.
    #[track_caller]
    pub fn assert_untouched(&self) {
        self.counting.assert_store_untouched();
    }

    /// What commits sent since the last time somebody asked.
    #[must_use]
    pub fn patches(&self) -> Vec<Patch> {
        std::mem::take(&mut self.script().patches)
    }

    /// The session of the latest call.
    #[must_use]
    pub fn last_id(&self) -> SessionId {
        let last = self.script().last_id;
        last.expect("there was a call")
    }

    /// The next creations find their ids taken.
    pub fn take_ids(&self, times: usize) {
        self.script().ids_taken = times;
    }

    /// The next call of this method fails before it reaches the store.
    pub fn fail(&self, call: Call, error: StoreError) {
        self.order(Some(call), Order::Fail(error));
    }

    /// The next call of this method is done by the store, but its answer is an error.
    pub fn lose_answer(&self, call: Call, error: StoreError) {
        self.order(Some(call), Order::FailAfter(error));
    }

    /// The next call of this method waits before it reaches the store.
    #[must_use]
    pub fn hold(&self, call: Call) -> Held {
        self.held(Some(call), Order::Wait)
    }

    /// The next call that changes the store waits before it reaches it.
    #[must_use]
    pub fn hold_change(&self) -> Held {
        self.held(None, Order::Wait)
    }

    /// The next call of this method is done by the store, and waits with the answer.
    #[must_use]
    pub fn hold_answer(&self, call: Call) -> Held {
        self.held(Some(call), Order::WaitAfter)
    }

    /// Takes back the orders that no call has met yet.
    pub fn forget_orders(&self) {
        self.script().orders.clear();
    }

    /// From now on every call lets other tasks run before and after its work.
    pub fn be_slow(&self) {
        self.script().slow = true;
    }

    /// From now on, whoever commits with a version is told that somebody was faster.
    pub fn be_contended(&self) {
        self.script().contended = true;
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.counting.inner().script()
    }

    fn held(
        &self,
        call: Option<Call>,
        order: impl FnOnce(oneshot::Sender<()>, oneshot::Receiver<()>) -> Order,
    ) -> Held {
        let (reach, reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.order(call, order(reach, released));
        Held { reached, release }
    }

    fn order(&self, call: Option<Call>, order: Order) {
        let mut script = self.script();
        script.orders.push_back((call, order));
    }
}

impl<S> Obedient<S> {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("not poisoned")
    }

    fn note(&self, call: Call, id: SessionId) -> Option<Order> {
        let mut script = self.script();
        script.last_id = Some(id);
        let is_meant = |of: Option<Call>| of.map_or(call != Call::Load, |of| of == call);
        let at = script.orders.iter().position(|(of, _)| is_meant(*of))?;
        script.orders.remove(at).map(|(_, order)| order)
    }

    async fn pause(&self) {
        let slow = self.script().slow;
        if slow {
            tokio::task::yield_now().await;
        }
    }

    fn id_is_taken(&self) -> bool {
        let mut script = self.script();
        let taken = script.ids_taken > 0;
        script.ids_taken = script.ids_taken.saturating_sub(1);
        taken
    }

    fn is_outrun(&self, guard: Guard, patch: &Patch) -> bool {
        let mut script = self.script();
        script.patches.push(patch.clone());
        script.contended && guard.version.is_some()
    }

    async fn play<T>(
        &self,
        call: Call,
        id: SessionId,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let order = self.note(call, id);
        self.pause().await;
        let answer = self.obey(order, work).await;
        self.pause().await;
        answer
    }

    async fn obey<T>(
        &self,
        order: Option<Order>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match order {
            None => work.await,
            Some(Order::Fail(error)) => Err(error),
            Some(Order::FailAfter(error)) => work.await.and(Err(error)),
            Some(Order::Wait(reach, released)) => {
                let _ = reach.send(());
                let _ = released.await;
                work.await
            }
            Some(Order::WaitAfter(reach, released)) => {
                let answer = work.await;
                let _ = reach.send(());
                let _ = released.await;
                answer
            }
        }
    }
}

impl<S: SessionStore> SessionStore for Obedient<S> {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.play(Call::Load, id, self.inner.load(id)).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        let work = async {
            if self.id_is_taken() {
                return Ok(Created::IdTaken);
            }
            self.inner.create(id, new).await
        };
        self.play(Call::Create, id, work).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        if self.is_outrun(guard, patch) {
            let newest = self.play(Call::Commit, id, self.inner.load(id)).await?;
            return Ok(newest.map_or(Committed::Gone, Committed::Conflict));
        }
        self.play(Call::Commit, id, self.inner.commit(id, guard, patch))
            .await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.play(Call::Delete, id, self.inner.delete(id)).await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        self.inner.find_by_owner(owner).await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.inner.revoke_owner(owner, keep).await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.inner.delete_expired(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.inner.count().await
    }
}

impl<S: SessionStore> SessionStore for SpyStore<S> {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.counting.load(id).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.counting.create(id, new).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        self.counting.commit(id, guard, patch).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.counting.delete(id).await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        self.counting.find_by_owner(owner).await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.counting.revoke_owner(owner, keep).await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.counting.delete_expired(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.counting.count().await
    }
}
