//! The accounts: names, and passwords as Argon2id hashes. Knows nothing of sessions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHashString, SaltString};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Name and password of the accounts that are there from the start.
pub const DEMO_ACCOUNTS: [(&str, &str); 2] = [
    ("ada", "notes on the engine"),
    ("grace", "a nanosecond of wire"),
];

pub(crate) const LONGEST_NAME: usize = 40;
pub(crate) const SHORTEST_PASSWORD: usize = 12;
const MOST_ACCOUNTS: usize = 10_000;

pub(crate) struct Accounts {
    hashes: RwLock<HashMap<String, PasswordHashString>>,
    /// What the password for an unknown name is checked against, so that it takes as long as for a known one.
    decoy: PasswordHashString,
    /// Each hash takes 19 MiB and a processor: no more of them at once than there are processors.
    turns: Arc<Semaphore>,
}

/// That somebody knew a password, and which one was that.
pub(crate) struct Proof {
    user: String,
    hash: PasswordHashString,
}

impl Proof {
    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

impl Accounts {
    pub(crate) fn with_demo_accounts() -> Self {
        let accounts = DEMO_ACCOUNTS.map(|(name, password)| (name.to_owned(), hash(password)));
        Self {
            hashes: RwLock::new(accounts.into()),
            decoy: hash("nobody's password"),
            turns: Arc::new(Semaphore::new(
                available_parallelism().map_or(1, Into::into),
            )),
        }
    }

    /// Whether this is the password of that account; the work is the same where there is no such account.
    pub(crate) async fn verify(&self, name: &str, password: String) -> Option<Proof> {
        let user = normal(name);
        let known = self.hash_of(&user);
        let hash = known.clone().unwrap_or_else(|| self.decoy.clone());
        let fits = self.in_turn(move || {
            let hash = hash.password_hash();
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        });
        if !fits.await {
            return None;
        }
        known.map(|hash| Proof { user, hash })
    }

    /// Whether the password is still the one that was proved.
    pub(crate) fn is_current(&self, proof: &Proof) -> bool {
        self.hashes.read().get(&proof.user) == Some(&proof.hash)
    }

    /// A new account, or why not. (That a name is taken can't be hidden where one chooses it; where that matters,
    /// let people sign up with an e-mail address, and tell them there.)
    pub(crate) async fn sign_up(
        &self,
        name: &str,
        password: String,
    ) -> Result<Proof, &'static str> {
        let user = normal(name);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if user.is_empty() || user.len() > LONGEST_NAME || !user.chars().all(fits) {
            return Err("A name has 1 to 40 letters from a to z, digits or hyphens.");
        }
        let hash = self.hash_new(password).await?;
        let mut hashes = self.hashes.write();
        if hashes.len() >= MOST_ACCOUNTS {
            return Err("We take no more accounts.");
        }
        match hashes.entry(user.clone()) {
            Entry::Occupied(_) => Err("That name is taken."),
            Entry::Vacant(place) => {
                place.insert(hash.clone());
                Ok(Proof { user, hash })
            }
        }
    }

    pub(crate) fn hash_of(&self, user: &str) -> Option<PasswordHashString> {
        self.hashes.read().get(user).cloned()
    }

    /// Sets the password of an account if it is still the old one; says whether it was.
    pub(crate) fn replace(
        &self,
        user: &str,
        old: Option<&PasswordHashString>,
        new: PasswordHashString,
    ) -> bool {
        let mut hashes = self.hashes.write();
        let is_current = hashes.get(user) == old;
        if is_current {
            hashes.insert(user.to_owned(), new);
        }
        is_current
    }

    /// The hash of a new password, or why it can't be one.
    pub(crate) async fn hash_new(
        &self,
        password: String,
    ) -> Result<PasswordHashString, &'static str> {
        if password.chars().count() < SHORTEST_PASSWORD {
            return Err("A password has at least 12 characters.");
        }
        Ok(self.in_turn(move || hash(&password)).await)
    }

    /// Runs work that takes a processor for a while, off the threads that serve requests.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let turns = Arc::clone(&self.turns);
        let turn = turns.acquire_owned().await.expect("it is never closed");
        // The turn goes along: the work is carried through even if the request is dropped.
        let done = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.expect("hashing does not panic")
    }
}

/// The crate's default parameters are those that OWASP asks for: Argon2id, 19 MiB, two passes.
fn hash(password: &str) -> PasswordHashString {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .expect("the default parameters are sound")
        .into()
}

fn normal(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_no_longer_the_old_one_is_not_replaced() {
        let accounts = Accounts::with_demo_accounts();
        let old = accounts.hash_of("ada");
        assert!(accounts.replace("ada", old.as_ref(), hash("one")));
        assert!(!accounts.replace("ada", old.as_ref(), hash("another")));
    }
}
