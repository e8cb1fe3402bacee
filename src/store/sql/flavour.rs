//! What the databases have not in common, and what sqlx has to offer for each of them.

use std::future::Future;

use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::pool::PoolOptions;
use sqlx::{
    ColumnIndex, Connection, Database, Decode, Encode, Executor, IntoArguments, Row as _, SqlStr, Type,
};

use crate::clock::UnixMillis;
use crate::store::StoreOptions;
use crate::store::columns::DateColumn;
use crate::store::plan::Grammar;
use crate::store::row::Reading;
use crate::store::schema::Table;

/// One of the databases: how it spells things, how it connects, how it keeps an instant.
pub(in crate::store) trait Flavour: Send + Sync + 'static {
    /// The driver.
    type Db: Askable;

    /// Its SQL.
    const GRAMMAR: Grammar;

    /// What may stand after the `?` of its URL.
    const PARAMETERS: &'static [&'static str];

    /// Whether names of columns that differ in case alone are the same.
    const FOLDS_CASE: bool;

    /// All columns in sight, as [`ColumnRow`]s that begin with the schema, table by table.
    const SURVEY: &'static str;

    /// The columns of these tables, as [`ColumnRow`]s that begin with the table's place in the list, in the table's own
    /// order, and what is bound to the statement.
    fn columns(tables: [&Table; 4]) -> (String, Vec<String>);

    /// Options that hold for every connection of ours.
    fn prepare(options: Options<Self>, store: &StoreOptions) -> Options<Self>;

    /// A pool that notices when its connections lead to something that is no longer there.
    fn watch(pool: PoolOptions<Self::Db>, _: &Options<Self>) -> PoolOptions<Self::Db> {
        pool
    }

    /// What dates a column of that type holds.
    fn date(sql_type: &str) -> DateColumn;

    /// Whether the complaint is that a table or a column is not, or no longer, what a statement takes it for.
    fn is_about_columns(error: &dyn sqlx::error::DatabaseError) -> bool;

    /// The date in column `index`; `None` if it is null.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn instant(row: &Row<Self>, index: usize, zone: &TimeZone) -> Result<Option<UnixMillis>, String>;

    /// The value in column `index`, which is no date.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn value(row: &Row<Self>, index: usize, reading: Reading) -> Result<Value, String>;
}

/// The driver's connection options.
pub(in crate::store) type Options<F> = <<<F as Flavour>::Db as Database>::Connection as Connection>::Options;
/// The driver's row.
pub(in crate::store) type Row<F> = <<F as Flavour>::Db as Database>::Row;
/// The driver's connection.
pub(super) type Link<F> = <<F as Flavour>::Db as Database>::Connection;

/// A database that takes texts and gives rows with texts: all that is asked of sqlx, with its conditions said once.
pub(in crate::store) trait Askable: Database {
    /// The rows that a statement has, with these texts bound to it.
    fn rows(
        link: &mut Self::Connection,
        sql: SqlStr,
        bound: &[&str],
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// The text in column `index`; `None` if it is null.
    fn text(row: &Self::Row, index: usize) -> Result<Option<String>, sqlx::Error>;
}

impl<D: Database> Askable for D
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    D::Arguments: IntoArguments<D>,
    for<'q> &'q str: Encode<'q, D> + Type<D>,
    for<'r> Option<String>: Decode<'r, D> + Type<D>,
    usize: ColumnIndex<D::Row>,
{
    async fn rows(link: &mut D::Connection, sql: SqlStr, bound: &[&str]) -> Result<Vec<D::Row>, sqlx::Error> {
        let query = bound.iter().fold(sqlx::query::<D>(sql), |query, text| query.bind(*text));
        query.fetch_all(link).await
    }

    fn text(row: &D::Row, index: usize) -> Result<Option<String>, sqlx::Error> {
        row.try_get(index)
    }
}
