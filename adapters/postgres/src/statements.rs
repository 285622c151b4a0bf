//! The texts of the statements. Each is one step by itself, so that no transaction stays open when a request
//! is dropped or its process dies.
//!
//! A moment is bound as whole seconds. The column has no time zone, so that a moment has to be converted:
//! every statement names the zone, and the connection's own does not count (P-08 of the store formats).

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Any number will do, if it is always the same: nobody else's lock should have it.
const LOCK: i64 = 0x73_65_73_73_69_6f_6e_73;

#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) delete: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) load: SqlStr,
    pub(crate) migrate: SqlStr,
    pub(crate) refresh: SqlStr,
    pub(crate) rotate: SqlStr,
    pub(crate) sweep: SqlStr,
    pub(crate) touch: SqlStr,
    pub(crate) update: SqlStr,
    pub(crate) upsert: SqlStr,
}

impl Statements {
    pub(crate) fn new(schema: Option<&str>, name: &str, zone: &str) -> Self {
        let schema = schema.map(|schema| format!("{}.", quoted(schema)));
        let table = format!("{}{}", schema.unwrap_or_default(), quoted(name));
        let zone = literal(zone);
        let local = |seconds: &str| format!("to_timestamp({seconds}) AT TIME ZONE {zone}");
        // What P-03 compares: not the moment in local time, which goes back once a year.
        let alive = |now: &str| format!("s.expire AT TIME ZONE {zone} >= to_timestamp({now})");
        let expired = |now: &str| format!("s.expire AT TIME ZONE {zone} < to_timestamp({now})");
        // P-04. The text comes back if the column did not keep it as it was, as jsonb does.
        let insert = |from: &str, update: &str| {
            format!(
                "INSERT INTO {table} AS s (sid, sess, expire) {from} ON CONFLICT (sid) DO UPDATE
                SET sess = excluded.sess, expire = excluded.expire {update}
                RETURNING nullif(s.sess::text, $2) AS rewritten"
            )
        };
        let values = format!("$1, $2::json, {}", local("$3"));
        // Each of the conditions is left out if its parameter is null.
        let rotation = insert(
            &format!(
                "SELECT {values}
                WHERE ($6::bool IS NULL OR $6 = EXISTS (SELECT FROM found))
                AND ($7::text IS NULL OR $7 = (SELECT sess FROM found))"
            ),
            &format!("WHERE {}", expired("$4")),
        );
        let refresh = format!(
            "UPDATE {table} AS s SET expire = {} WHERE s.sid = $1 AND {}",
            local("$3"),
            alive("$2")
        );
        Self {
            delete: sql(format!("DELETE FROM {table} WHERE sid = $1")),
            insert: sql(insert(&format!("VALUES ({values})"), &format!("WHERE {}", expired("$4")))),
            load: sql(format!(
                "SELECT s.sess::text, extract(epoch FROM s.expire AT TIME ZONE {zone})::float8
                FROM {table} AS s WHERE s.sid = $1 AND {}",
                alive("$2")
            )),
            migrate: sql(migration(&table, name, &local("0"))),
            refresh: sql(format!("{refresh} RETURNING s.sess::text")),
            // The lock makes sure that what is judged is what is deleted. The new row is `made` first: if it is
            // not, nothing is deleted. What was not found is deleted only if it has still expired: somebody else
            // may be making it anew.
            rotate: sql(format!(
                "WITH found AS (
                    SELECT s.sess::text AS sess FROM {table} AS s
                    WHERE s.sid = $5 AND {} FOR UPDATE
                ), made AS ({rotation}), ended AS (
                    DELETE FROM {table} AS s USING made WHERE s.sid = $5 AND s.sid <> $1
                    AND (EXISTS (SELECT FROM found) OR {})
                )
                SELECT EXISTS (SELECT FROM made), (SELECT rewritten FROM made), (SELECT sess FROM found)",
                alive("$4"),
                expired("$4")
            )),
            // P-09, in batches. Of the two conditions the first has an index, the second is the one that counts.
            // Both are looked at again in the row that is locked, so one that lives on by now is spared.
            sweep: sql(format!(
                "DELETE FROM {table} AS s WHERE s.sid = ANY (ARRAY(
                    SELECT s.sid FROM {table} AS s WHERE s.expire < {} AND {}
                    ORDER BY s.expire LIMIT $2 FOR UPDATE SKIP LOCKED
                ))",
                local("$1"),
                expired("$1"),
            )),
            touch: sql(refresh),
            update: sql(format!(
                "UPDATE {table} AS s SET sess = $2::json, expire = {}
                WHERE s.sid = $1 AND {} AND ($5::text IS NULL OR s.sess::text = $5)
                RETURNING nullif(s.sess::text, $2)",
                local("$3"),
                alive("$4")
            )),
            upsert: sql(insert(&format!("VALUES ({values})"), "")),
        }
    }
}

/// Makes the table and its index (P-02 of the store formats), if there is no such table. All names but that
/// of `session`'s index are those that PostgreSQL gives by itself, so that two tables don't collide. A zone
/// that does not exist is found out here, not by the first request.
fn migration(table: &str, name: &str, moment: &str) -> String {
    let index = if name == "session" { quoted("IDX_session_expire") } else { String::new() };
    let block = format!(
        "BEGIN
            PERFORM {moment}, pg_advisory_xact_lock({LOCK});
            IF to_regclass({}) IS NULL THEN
                CREATE TABLE {table} (
                    sid varchar COLLATE \"default\" NOT NULL PRIMARY KEY,
                    sess json NOT NULL,
                    expire timestamp(6) NOT NULL
                );
                CREATE INDEX {index} ON {table} (expire);
            END IF;
        END",
        literal(table)
    );
    format!("DO {}", literal(&block))
}

fn sql(text: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
}

/// A name (P-01 of the store formats).
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
