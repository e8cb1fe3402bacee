//! Which settings would fit the tables that a database has, where those that were given do not.
//!
//! Names are compared without their case, underscores and a plural's s: that is how Better Auth's adapters rename
//! (`usePlural`, Drizzle's `snake_case`, Prisma's models, `PostgreSQL`'s folding of what was not quoted). Columns that were
//! renamed freely are the operator's to name.

use crate::store::{Column, ColumnCase, Field, FoundTable, Need, Survey, Table};

/// Settings that would fit, and what none of them would mend.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// Lines of the settings file.
    pub(super) settings: Vec<String>,
    /// What is still missing.
    pub(super) missing: Vec<String>,
}

/// A table that is likely meant, with the setting that names it.
struct Meant<'a> {
    setting: &'static str,
    wanted: &'a Table,
    /// What the setting would have to be.
    path: String,
    columns: &'a [Column],
}

impl Fit {
    pub(super) fn of(survey: &Survey) -> Self {
        let mut fit = Self::default();
        let schema = &survey.schema;
        let found = &survey.columns;
        let session = fit.table(survey, ("session_table", "session"), &schema.session, &found.session);
        let user = fit.table(survey, ("user_table", "user"), &schema.user, &found.user);
        // A plugin's table under another name, beside the sessions: elsewhere it is another application's. That there is
        // none is no mistake.
        let beside = session.as_ref().map_or("", |meant| schema_of(&meant.path)).to_owned();
        for (names, wanted, columns) in [
            (("member_table", "member"), &schema.member, &found.member),
            (("jwks_table", "jwks"), &schema.jwks, &found.jwks),
        ] {
            if columns.is_empty() {
                let unseen = Self::default().table(survey, names, wanted, columns);
                if let Some(meant) = unseen.filter(|meant| schema_of(&meant.path) == beside) {
                    fit.name(&meant);
                }
            }
        }
        for meant in [&session, &user].into_iter().flatten() {
            fit.name(meant);
        }
        fit.columns(survey, session.as_ref(), user.as_ref());
        fit
    }

    /// The table that has most of the columns, and among equals the one that is named most alike.
    fn table<'a>(
        &mut self,
        survey: &'a Survey,
        (setting, name): (&'static str, &str),
        wanted: &'a Table,
        present: &'a [Column],
    ) -> Option<Meant<'a>> {
        let required = || wanted.fields.iter().filter(|field| field.need == Need::Required);
        let matched =
            |columns: &[Column]| required().filter(|field| likely(field, columns, survey).is_some()).count();
        if !present.is_empty() && matched(present) == required().count() {
            return Some(Meant { setting, wanted, path: wanted.name(), columns: present });
        }
        let likeness = |table: &FoundTable| {
            let (given, known) = (bare(&table.name), bare(name));
            let asked = wanted.path.last().map(|path| bare(path.as_str()));
            match given {
                given if given == known || Some(&given) == asked.as_ref() => 2,
                given if given.contains(&known) => 1,
                _ => 0,
            }
        };
        let best = survey
            .tables
            .iter()
            .filter(|table| likeness(table) > 0 && !table.name.contains('.') && !table.schema.contains('.'))
            .filter(|table| matched(&table.columns) == required().count())
            // A table that needs no schema before its name is the application's own.
            .max_by_key(|table| (table.schema.is_empty(), likeness(table)));
        if let Some(table) = best {
            return Some(Meant { setting, wanted, path: table.path(), columns: &table.columns });
        }
        if present.is_empty() {
            let names: Vec<_> = survey.tables.iter().take(40).map(FoundTable::path).collect();
            self.missing.push(format!(
                "no table looks like Better Auth's {name}; set {setting} to its name, one of: {}",
                names.join(", ")
            ));
            return None;
        }
        Some(Meant { setting, wanted, path: wanted.name(), columns: present })
    }

    fn name(&mut self, meant: &Meant<'_>) {
        if meant.path != meant.wanted.name() {
            self.settings.push(format!("{} = {}", meant.setting, quoted(&meant.path)));
        }
    }

    /// The spelling that leaves the fewest columns to be named one by one, and those.
    fn columns(&mut self, survey: &Survey, session: Option<&Meant<'_>>, user: Option<&Meant<'_>>) {
        let tables = [("session_fields", session), ("user_fields", user)];
        let named = |case: ColumnCase| {
            tables.map(|(setting, meant)| {
                let fields = meant.map(|meant| named_in(meant, case, survey)).unwrap_or_default();
                (setting, fields)
            })
        };
        let given = survey.schema.case;
        let other = match given {
            ColumnCase::Camel => ColumnCase::Snake,
            ColumnCase::Snake => ColumnCase::Camel,
        };
        let count = |case| named(case).iter().map(|(_, fields)| fields.len()).sum::<usize>();
        let case = if count(other) < count(given) { other } else { given };
        if case != given {
            let spelling = match case {
                ColumnCase::Camel => "camel",
                ColumnCase::Snake => "snake",
            };
            self.settings.push(format!("column_case = \"{spelling}\""));
        }
        for ((setting, fields), (_, before)) in named(case).into_iter().zip(given_in(survey)) {
            if fields != before {
                let pairs: Vec<_> =
                    fields.iter().map(|(field, column)| format!("{field} = {}", quoted(column))).collect();
                self.settings.push(format!("{setting} = {{ {} }}", pairs.join(", ")));
            }
        }
        for (setting, meant) in tables {
            let Some(meant) = meant else { continue };
            for field in meant.wanted.fields.iter().filter(|field| is_needed(field)) {
                match likely(field, meant.columns, survey) {
                    None => self.missing.push(format!(
                        "no column of {} looks like {}; set {}, if it is one of: {}",
                        meant.path,
                        field.name,
                        if field.need == Need::Additional {
                            "its column in the additional fields"
                        } else {
                            setting
                        },
                        meant
                            .columns
                            .iter()
                            .map(|column| column.name.as_str())
                            .collect::<Vec<_>>()
                            .join(", ")
                    )),
                    Some(column) if !column.is_readable => self.missing.push(format!(
                        "{}.{} may not be read: GRANT SELECT on it to sidegate's role",
                        meant.path, column.name
                    )),
                    Some(_) => {}
                }
            }
        }
    }
}

fn is_needed(field: &Field) -> bool {
    matches!(field.need, Need::Required | Need::Additional)
}

/// The columns that would have to be named in this spelling: field and column.
fn named_in(meant: &Meant<'_>, case: ColumnCase, survey: &Survey) -> Vec<(String, String)> {
    let fields = meant.wanted.fields.iter().filter(|field| field.need != Need::Additional);
    let named = fields.filter_map(|field| {
        let column = likely(field, meant.columns, survey)?;
        (column.name != case.spell(&field.name)).then(|| (field.name.clone(), column.name.clone()))
    });
    named.collect()
}

/// The columns that the settings name.
fn given_in(survey: &Survey) -> [(&'static str, Vec<(String, String)>); 2] {
    let schema = &survey.schema;
    [("session_fields", &schema.session), ("user_fields", &schema.user)].map(|(setting, table)| {
        let fields = table.fields.iter().filter(|field| field.need != Need::Additional);
        let named = fields.filter(|field| field.column.as_str() != schema.case.spell(&field.name));
        (setting, named.map(|field| (field.name.clone(), field.column.as_str().to_owned())).collect())
    })
}

/// The column of that name, or else one whose name is spelt another way.
fn likely<'a>(field: &Field, columns: &'a [Column], survey: &Survey) -> Option<&'a Column> {
    let exact = survey.columns.of_field(columns, field);
    let wanted = [bare(field.column.as_str()), bare(&field.name)];
    exact.or_else(|| columns.iter().find(|column| wanted.contains(&bare(&column.name))))
}

/// What stands before the dot; nothing where a name does without.
fn schema_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(schema, _)| schema)
}

/// A name without what adapters change about it.
fn bare(name: &str) -> String {
    let letters =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    letters.strip_suffix('s').map_or(letters.clone(), str::to_owned)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
