//! The statements that both engines share, with `{…}` where they differ.

use std::sync::Arc;

/// How an engine says what the statements need.
pub(crate) struct Dialect {
    /// The quoted name, with its schema.
    pub(crate) table: String,
    /// The time in microseconds. `None`: it is bound behind the other parameters.
    pub(crate) now: Option<&'static str>,
    pub(crate) least: &'static str,
    pub(crate) greatest: &'static str,
    /// A text as the column's JSON, and back.
    pub(crate) json: &'static str,
    pub(crate) text: &'static str,
    /// The object `{a}` with the changes of the text `{b}`, of which null removes.
    pub(crate) merge: &'static str,
    /// Whether the column `{a}` is an object of texts, each name once; where a commit looks first, what `merge` needs.
    pub(crate) holds_texts: &'static str,
    /// Whether a commit gives the row first as it was, for `decode` to say whether it can be read.
    pub(crate) looks_first: bool,
}

impl Dialect {
    pub(crate) fn statement(&self, template: &str) -> Arc<str> {
        let call = |template: &str, a: &str, b: &str| template.replace("{a}", a).replace("{b}", b);
        let template = template
            .replace("{is_readable}", IS_READABLE)
            .replace(
                "{merge_new}",
                &call(self.merge, &call(self.json, "'{}'", ""), "$4"),
            )
            .replace("{merge_fields}", &call(self.merge, "t.fields", "$4"))
            .replace("{merge_kept}", &call(self.merge, "t.kept", "$5"))
            .replace(
                "{fields hold texts}",
                &call(self.holds_texts, "t.fields", ""),
            )
            .replace("{kept hold texts}", &call(self.holds_texts, "t.kept", ""))
            .replace("{json $2}", &call(self.json, "$2", ""))
            .replace("{json $3}", &call(self.json, "$3", ""))
            .replace("{columns}", COLUMNS)
            .replace("{fields}", &call(self.text, "fields", ""))
            .replace("{kept}", &call(self.text, "kept", ""))
            .replace("{table}", &self.table)
            .replace("{least}", self.least)
            .replace("{greatest}", self.greatest);
        let is_used = |at: &usize| template.contains(&format!("${at}"));
        let parameters = (1..=MAX_PARAMETERS).take_while(is_used).count();
        let bound = format!("${}", parameters + 1);
        template.replace("{now}", self.now.unwrap_or(&bound)).into()
    }
}

/// What a store says to its engine.
pub(crate) struct Statements {
    pub(crate) load: Arc<str>,
    pub(crate) create: Arc<str>,
    pub(crate) commit: Arc<str>,
    pub(crate) commit_fields: Arc<str>,
    pub(crate) delete: Arc<str>,
    pub(crate) find_by_owner: Arc<str>,
    pub(crate) revoke_owner: Arc<str>,
    pub(crate) delete_expired: Arc<str>,
    pub(crate) count: Arc<str>,
}

impl Statements {
    /// With those that each engine has for itself.
    pub(crate) fn new(
        dialect: &Dialect,
        commit: &str,
        revoke_owner: &str,
        delete_expired: &str,
    ) -> Self {
        let commit = commit
            .replace("{findings}", FINDINGS)
            .replace("{changes}", CHANGES);
        let looking = |commit: &str| {
            let look = dialect.looks_first.then(|| format!("{LOAD};"));
            dialect.statement(&(look.unwrap_or_default() + commit))
        };
        Self {
            load: dialect.statement(LOAD),
            create: dialect.statement(CREATE),
            commit: looking(&commit),
            commit_fields: looking(COMMIT_FIELDS),
            delete: dialect.statement(DELETE),
            find_by_owner: dialect.statement(FIND_BY_OWNER),
            revoke_owner: dialect.statement(revoke_owner),
            delete_expired: dialect.statement(delete_expired),
            count: dialect.statement(COUNT),
        }
    }
}

/// A commit has the most.
const MAX_PARAMETERS: usize = 17;

/// What `decode` reads, but for `now`.
const COLUMNS: &str = "{fields} AS fields, {kept} AS kept, owner, owner_since, created_at, started_at, \
    touched_at, rotated_at, confirmed_at, expires_at, generation, barrier, version, remembered";

/// Whether the row `t` is one that `decode` can read, as far as the engine can tell: what can't be read is not written
/// over.
const IS_READABLE: &str = "({fields hold texts} AND {kept hold texts}
    AND {least}(t.created_at, t.started_at, t.touched_at, t.rotated_at, t.expires_at, t.generation, t.barrier,
        t.version, coalesce(t.owner_since, 0), coalesce(t.confirmed_at, 0), coalesce(t.remembered, 0)) >= 0
    AND {greatest}(t.generation, t.barrier) <= 4294967295)";

/// $1 id. Whether it lives is for [`is_dead`](crate::row::is_dead) to say: judged here, the clock would be read twice or
/// have a plan of its own, and the statement would cost the server a third more.
const LOAD: &str = "SELECT {columns}, {now} AS now FROM {table} WHERE id = $1";

/// $1 owner.
const FIND_BY_OWNER: &str = "WITH clock AS MATERIALIZED (SELECT {now} AS now)
    SELECT id, {columns}, now FROM {table}, clock WHERE owner = $1 AND expires_at > now";

const COUNT: &str = "WITH clock AS MATERIALIZED (SELECT {now} AS now)
    SELECT count(*) FROM {table}, clock WHERE expires_at > now";

/// $1 id.
const DELETE: &str = "DELETE FROM {table} WHERE id = $1 RETURNING expires_at > {now} AS lived";

/// $1 id, $2 fields, $3 kept, $4 owner, $5 idle, $6 absolute. No row: the id is taken by somebody who lives.
const CREATE: &str = "WITH clock AS MATERIALIZED (SELECT {now} AS now)
    INSERT INTO {table} AS t (id, fields, kept, owner, owner_since, created_at, started_at, touched_at,
        rotated_at, expires_at, generation, barrier, version)
    SELECT $1, {json $2}, {json $3}, $4, CASE WHEN $4 IS NULL THEN NULL ELSE now END, now, now, now,
        now, {least}(now + $5, now + $6), 0, 0, 0
    FROM clock WHERE true
    ON CONFLICT (id) DO UPDATE SET
        fields = excluded.fields, kept = excluded.kept, owner = excluded.owner,
        owner_since = excluded.owner_since, created_at = excluded.created_at,
        started_at = excluded.started_at, touched_at = excluded.touched_at,
        rotated_at = excluded.rotated_at, confirmed_at = NULL, expires_at = excluded.expires_at,
        generation = 0, barrier = 0, version = 0, remembered = NULL
    WHERE t.expires_at <= excluded.created_at
    RETURNING {columns}, created_at AS now";

// The parameters of a commit: $1 id, the guard's $2 generation and $3 version, changes to $4 fields and $5 kept,
// $6 whether there are any, $7 sets the owner to $8, $9 is a barrier, $10 rotates because it is time, $11 confirms,
// $12 renews for $13 idle and $14 absolute unless touched after $15, $16 remember, $17 raises the version.

/// What a commit means for the row `t`, at the time `now`.
const FINDINGS: &str = "
    ($7 AND t.owner IS DISTINCT FROM $8) AS other_owner,
    ($9 OR ($10 AND t.generation = $2)) AS rotates,
    ($12 AND t.touched_at <= $15) AS renews,";

/// `Record::commit` in SQL: the row `t` after the commit, with the findings `j` about it.
const CHANGES: &str = "
    fields = CASE
        WHEN j.other_owner AND t.owner IS NOT NULL THEN {merge_new}
        WHEN $6 THEN {merge_fields}
        ELSE t.fields END,
    kept = CASE WHEN $6 THEN {merge_kept} ELSE t.kept END,
    owner = CASE WHEN $7 THEN $8 ELSE t.owner END,
    owner_since = CASE WHEN NOT $7 THEN t.owner_since WHEN $8 IS NULL THEN NULL ELSE j.now END,
    started_at = CASE WHEN j.other_owner THEN j.now ELSE t.started_at END,
    touched_at = CASE WHEN j.renews THEN {greatest}(t.touched_at, j.now) ELSE t.touched_at END,
    rotated_at = CASE WHEN j.rotates THEN j.now ELSE t.rotated_at END,
    confirmed_at = CASE
        WHEN j.rotates THEN NULL
        WHEN t.confirmed_at IS NULL AND $11 AND t.generation = $2 THEN j.now
        ELSE t.confirmed_at END,
    expires_at = CASE
        WHEN NOT j.renews THEN t.expires_at
        WHEN j.other_owner THEN {least}(j.now + $13, j.now + $14)
        ELSE {greatest}(t.expires_at, {least}(j.now + $13, t.started_at + $14)) END,
    generation = CASE WHEN j.rotates THEN {least}(t.generation + 1, 4294967295) ELSE t.generation END,
    barrier = CASE WHEN $9 THEN {least}(t.generation + 1, 4294967295) ELSE t.barrier END,
    version = CASE WHEN $17 THEN t.version + 1 ELSE t.version END,
    remembered = CASE
        WHEN $16 IS NOT NULL THEN $16
        WHEN j.other_owner THEN NULL
        ELSE t.remembered END";

/// Of the first five parameters: a commit of fields alone, which nearly every one is. It has nothing to find out, and an
/// engine makes a row ready to be changed, each time, for every column that may change. No row: it may not be applied.
const COMMIT_FIELDS: &str = "
    UPDATE {table} AS t SET fields = {merge_fields}, kept = {merge_kept}, version = t.version + 1
    WHERE t.id = $1 AND t.expires_at > {now} AND $2 >= t.barrier AND ($3 IS NULL OR $3 = t.version)
        AND {is_readable}
    RETURNING {columns}, {now} AS now";

/// Binds a commit's parameters, in the order of the statement's.
macro_rules! bind_commit {
    ($query:expr, $id:expr, $parameters:expr) => {{
        let parameters = $parameters;
        let [idle, absolute] = parameters.lifetime;
        bind_fields!($query, $id, parameters.fields)
            .bind(parameters.changes_fields)
            .bind(parameters.sets_owner)
            .bind(parameters.owner)
            .bind(parameters.is_barrier)
            .bind(parameters.is_periodic)
            .bind(parameters.confirms)
            .bind(parameters.renews)
            .bind(idle)
            .bind(absolute)
            .bind(parameters.unless_touched_after)
            .bind(parameters.remember)
            .bind(parameters.is_change)
    }};
}
pub(crate) use bind_commit;

/// The first of them: all that a commit of fields alone has.
macro_rules! bind_fields {
    ($query:expr, $id:expr, $parameters:expr) => {{
        let parameters = $parameters;
        let [fields, kept] = parameters.fields;
        $query
            .bind($id.as_bytes().to_vec())
            .bind(parameters.generation)
            .bind(parameters.version)
            .bind(fields)
            .bind(kept)
    }};
}
pub(crate) use bind_fields;
