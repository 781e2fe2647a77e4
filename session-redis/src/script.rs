//! The scripts, and how they are called: by their hash, and by their text where the server does not know it yet.

use std::sync::LazyLock;

use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, Value,
    aio::ConnectionLike,
};

pub(crate) static LOAD: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/load.lua")));
/// Without common.lua: a script makes its functions anew each time that it runs.
pub(crate) static COMMIT_FIELDS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/commit_fields.lua")));

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {$(
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!(
            include_str!("scripts/common.lua"),
            include_str!(concat!("scripts/", $file)),
        )));
    )*};
}

scripts! {
    CREATE = "create.lua";
    COMMIT = "commit.lua";
    DELETE = "delete.lua";
    ENROL = "enrol.lua";
    MEMBERS = "members.lua";
    REVOKE = "revoke.lua";
    HEAL = "heal.lua";
}

/// A text of Lua and its hash.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    /// One round trip; two where the server has never seen the script, which then has not run.
    pub(crate) async fn call<C: ConnectionLike, T: FromRedisValue>(
        &self,
        connection: &mut C,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<T, RedisError> {
        match self.by_hash(keys, args).query_async(connection).await {
            Err(error) if is_unknown(&error) => {
                self.by_text(keys, args).query_async(connection).await
            }
            answer => answer,
        }
    }

    /// As `call`, and behind the server's time, which costs a script more than the server itself.
    pub(crate) async fn call_timed<C: ConnectionLike>(
        &self,
        connection: &mut C,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<(Value, Value), RedisError> {
        match timed(self.by_hash(keys, args))
            .query_async(connection)
            .await
        {
            Err(error) if is_unknown(&error) => {
                timed(self.by_text(keys, args))
                    .query_async(connection)
                    .await
            }
            answer => answer,
        }
    }

    fn by_hash(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.hash, keys, args)
    }

    fn by_text(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        command("EVAL", self.text, keys, args)
    }
}

fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The time and what a command answers, in one trip. The time comes first: if anything is done between the two, a record
/// seems younger than it is, and none seems dead before its time.
pub(crate) fn timed(command: Cmd) -> Pipeline {
    let mut both = Pipeline::with_capacity(2);
    both.cmd("TIME").add_command(command);
    both
}

fn command(name: &'static str, script: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
    let parts = keys.iter().chain(args);
    let size = parts.clone().map(|part| part.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), 16 + script.len() + size);
    command.arg(name).arg(script).arg(keys.len());
    for part in parts {
        command.arg(part);
    }
    command
}
