//! INSERT, UPDATE, DELETE, DDL, and statements about the session.

use super::{assert_fails, fails};
use crate::catalog::Lookup;
use crate::error::SqlState;
use crate::sql::Statement;
use crate::sql::bind::{bind, bind_default};
use crate::sql::expr::Expr;
use crate::sql::plan::{self, Operator};
use crate::sql::statement::SetValue;
use crate::sql::testing::{catalog, error, statement};
use crate::types::{DataType, Value};

/// The rows of an INSERT's VALUES.
pub fn inserted(text: &str) -> Vec<Vec<Expr>> {
    match statement(text, &mut catalog()).unwrap_or_else(|error| panic!("{text}: {error}")) {
        Statement::Plan(plan::Statement::Insert(insert)) => match insert.source.operator {
            Operator::Values { rows } => rows,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn value(expr: &Expr) -> &Value {
    match expr {
        Expr::Literal { value, .. } => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn inserted_values_have_their_columns_types() {
    let rows = inserted("INSERT INTO numbers VALUES (1, DEFAULT, '3', 4), (-1, 2.5, NULL, '1e3')");
    let values: Vec<Vec<&Value>> = rows.iter().map(|row| row.iter().map(value).collect()).collect();
    let none = Value::Text("none".to_string());
    assert_eq!(
        values[0],
        [
            &Value::SmallInt(1),
            &Value::Integer(7),
            &Value::BigInt(3),
            &Value::Double(4.0),
            &none,
            &Value::Null
        ]
    );
    assert_eq!(
        values[1][..4],
        [&Value::SmallInt(-1), &Value::Integer(3), &Value::Null, &Value::Double(1000.0)]
    );
    let rows = inserted("INSERT INTO numbers (flag, word) VALUES ('yes', true)");
    assert_eq!(
        (value(&rows[0][5]), value(&rows[0][4])),
        (&Value::Boolean(true), &Value::Text("true".to_string()))
    );
    assert_eq!(value(&rows[0][1]), &Value::Integer(7));
    assert_eq!(inserted("INSERT INTO numbers DEFAULT VALUES")[0].len(), 6);
}

#[test]
fn inserts_that_do_not_fit() {
    assert_fails(&[
        ("INSERT INTO employees (id, id) VALUES (1, 2)", "42701: column \"id\" specified more than once @28"),
        (
            "INSERT INTO employees (id) VALUES (1, 2)",
            "42601: INSERT has more expressions than target columns @39",
        ),
        (
            "INSERT INTO employees (id, name) VALUES (1)",
            "42601: INSERT has more target columns than expressions @28",
        ),
        ("INSERT INTO employees VALUES (1, 'a'), (2)", "42601: VALUES lists must all be the same length @41"),
        ("INSERT INTO employees (id) VALUES (99999999999)", "22003: integer out of range"),
        (
            "INSERT INTO employees (id, department) VALUES (1, 'a department whose name is far longer than fifty characters')",
            "22001: value too long for type character varying(50)",
        ),
        ("INSERT INTO pg_class VALUES ('x')", "42501: permission denied: \"pg_class\" is a system catalog"),
        (
            "INSERT INTO employees (id) SELECT '7'::text",
            "42804: column \"id\" is of type integer but expression is of type text @35",
        ),
        (
            "INSERT INTO employees (id) SELECT 'x' FROM employees",
            "22P02: invalid input syntax for type integer: \"x\" @35",
        ),
        (
            "INSERT INTO employees (name, id) SELECT e.* FROM employees e",
            "42601: INSERT has more expressions than target columns @41",
        ),
        (
            "INSERT INTO employees (name, id, department, salary, active) SELECT e.* FROM employees e",
            "42804: column \"id\" is of type integer but expression is of type character varying @69",
        ),
    ]);
}

#[test]
fn insert_from_a_query_casts_above_it() {
    let Statement::Plan(plan::Statement::Insert(insert)) =
        statement("INSERT INTO numbers (big, word) SELECT id, 'x' FROM employees", &mut catalog()).unwrap()
    else {
        panic!()
    };
    let Operator::Project { expressions, .. } = &insert.source.operator else { panic!("{insert:?}") };
    assert_eq!(insert.source.types.len(), 6);
    assert_eq!(
        expressions[2],
        Expr::Cast {
            operand: Box::new(Expr::column(0, DataType::Integer)),
            to: DataType::BigInt,
            explicit: false
        }
    );
    assert_eq!(expressions[1], Expr::Literal { value: Value::Integer(7), data_type: DataType::Integer });
}

#[test]
fn update_and_delete() {
    assert_fails(&[
        ("UPDATE employees SET id = 1, id = 2", "42601: multiple assignments to same column \"id\""),
        (
            "DELETE FROM employees WHERE id",
            "42804: argument of WHERE must be type boolean, not type integer @29",
        ),
        ("UPDATE pg_class SET relname = 'x'", "42501: permission denied: \"pg_class\" is a system catalog"),
        ("DELETE FROM employees RETURNING id", "0A000: RETURNING is not supported"),
    ]);
    let Statement::Plan(plan::Statement::Update(update)) = statement(
        "UPDATE employees e SET active = DEFAULT, salary = salary + 1 WHERE e.id = 1",
        &mut catalog(),
    )
    .unwrap() else {
        panic!()
    };
    assert_eq!(update.assignments[0], (4, Expr::boolean(true)));
    assert!(matches!(update.assignments[1], (3, Expr::Chain { .. })));
    assert_eq!(update.source.types.len(), 5);
}

#[test]
fn tables_with_keys_and_defaults() {
    let Statement::CreateTable(create) = statement(
        "CREATE TABLE t (a int UNIQUE, b varchar(9) DEFAULT 'it''s', c int DEFAULT -1, d int UNIQUE, \
         UNIQUE (a), UNIQUE (b, c), CONSTRAINT mine UNIQUE (c), PRIMARY KEY (c, d))",
        &mut catalog(),
    )
    .unwrap() else {
        panic!()
    };
    let constraints: Vec<(&str, &[usize], bool)> = create
        .constraints
        .iter()
        .map(|constraint| (&*constraint.name, &*constraint.columns, constraint.primary))
        .collect();
    assert_eq!(
        constraints,
        [
            ("t_pkey", &[2, 3][..], true),
            ("t_a_key", &[0], false),
            ("t_d_key", &[3], false),
            ("t_b_c_key", &[1, 2], false),
            ("mine", &[2], false),
        ]
    );
    let not_null: Vec<bool> = create.schema.columns().iter().map(|column| column.not_null).collect();
    assert_eq!(not_null, [false, false, true, true]);
    let defaults: Vec<Option<&str>> =
        create.defaults.iter().map(|default| default.as_ref().map(|default| &*default.text)).collect();
    assert_eq!(defaults, [None, Some("'it''s'::character varying"), Some("'-1'::integer"), None]);
    for (column, default) in create.schema.columns().iter().zip(&create.defaults) {
        if let Some(default) = default {
            assert_eq!(bind_default(&default.text, column).unwrap(), default.expression);
        }
    }
}

#[test]
fn tables_that_cannot_be() {
    assert_fails(&[
        ("CREATE TABLE employees (id int)", "42P07: relation \"employees\" already exists"),
        ("CREATE TABLE t (a int, a int)", "42701: column \"a\" specified more than once"),
        (
            "CREATE TABLE t (a int PRIMARY KEY, b int PRIMARY KEY)",
            "42P16: multiple primary keys for table \"t\" are not allowed",
        ),
        ("CREATE TABLE t (a int, PRIMARY KEY (b))", "42703: column \"b\" named in key does not exist @37"),
        (
            "CREATE TABLE t (a int, UNIQUE (a, a))",
            "42701: column \"a\" appears twice in unique constraint @35",
        ),
        (
            "CREATE TABLE t (a int NULL NOT NULL)",
            "42601: conflicting NULL/NOT NULL declarations for column \"a\" of table \"t\"",
        ),
        ("CREATE TABLE t (a int DEFAULT b)", "0A000: cannot use column reference in DEFAULT expression"),
        ("CREATE TABLE t (a nosuch)", "42704: type \"nosuch\" does not exist @19"),
        ("CREATE TABLE t (a float(60))", "22023: precision for type float must be less than 54 bits"),
        ("CREATE TABLE t (a float(24))", "0A000: type real is not supported"),
        ("CREATE TABLE t (a numeric(10, 2))", "0A000: type numeric(10,2) is not supported"),
        ("CREATE TABLE t (a int CHECK (a > 0))", "0A000: CHECK is not supported"),
        ("CREATE TABLE t (a int REFERENCES employees)", "0A000: FOREIGN KEY is not supported"),
        ("CREATE TEMP TABLE t (a int)", "0A000: CREATE TEMPORARY TABLE is not supported"),
        ("CREATE TABLE t AS SELECT 1", "0A000: CREATE TABLE AS is not supported"),
    ]);
    let skipped = statement("CREATE TABLE IF NOT EXISTS employees (id int)", &mut catalog()).unwrap();
    assert!(matches!(skipped, Statement::Skip { tag: "CREATE TABLE", notice }
        if notice == "relation \"employees\" already exists, skipping"));
}

#[test]
fn indexes_get_postgresqls_names() {
    let index_name =
        |text: &str, catalog: &mut dyn Lookup| match bind(&crate::sql::parse(text).unwrap(), text, catalog)
            .unwrap()
        {
            Statement::CreateIndex(create) => (create.name, create.columns, create.unique),
            other => panic!("{other:?}"),
        };
    let mut catalog = catalog();
    assert_eq!(
        index_name("CREATE UNIQUE INDEX ON employees (department, name)", &mut catalog),
        ("employees_department_name_idx".to_string(), vec![2, 1], true)
    );
    catalog.create("CREATE INDEX ON employees (salary)");
    assert_eq!(index_name("CREATE INDEX ON employees (salary)", &mut catalog).0, "employees_salary_idx1");
    let long = format!("CREATE TABLE {} (a int, {} int UNIQUE)", "t".repeat(60), "c".repeat(60));
    let Statement::CreateTable(create) = statement(&long, &mut catalog).unwrap() else { panic!() };
    assert_eq!(create.constraints[0].name, format!("{}_{}_key", "t".repeat(29), "c".repeat(29)));
    assert_fails(&[
        ("CREATE INDEX ON employees (lower(name))", "0A000: an index on an expression is not supported"),
        ("CREATE INDEX ON employees (id DESC)", "0A000: DESC or NULLS FIRST in an index is not supported"),
        (
            "CREATE INDEX ON employees USING hash (id)",
            "0A000: an index that is not a B-tree is not supported",
        ),
        ("CREATE INDEX ON employees (id) WHERE id > 1", "0A000: a partial index is not supported"),
        ("CREATE INDEX ON employees (nope)", "42703: column \"nope\" does not exist @28"),
    ]);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (text, what) in [
        ("SELECT 1 FROM employees a JOIN employees b ON true", "JOIN"),
        ("SELECT 1 FROM employees a, employees b", "JOIN"),
        ("SELECT (SELECT 1)", "a subquery"),
        ("SELECT 1 FROM (SELECT 1) s", "a subquery in FROM"),
        ("SELECT EXISTS (SELECT 1)", "EXISTS"),
        ("SELECT 1 WHERE 1 IN (SELECT 1)", "a subquery"),
        ("WITH a AS (SELECT 1) SELECT 1", "WITH"),
        ("SELECT 1 UNION SELECT 2", "UNION"),
        ("SELECT sum(id) OVER () FROM employees", "a window function"),
        ("SELECT count(*) FILTER (WHERE true) FROM employees", "FILTER"),
        ("INSERT INTO employees (id) VALUES (1) ON CONFLICT DO NOTHING", "ON CONFLICT"),
        ("INSERT INTO employees (id) VALUES (1) RETURNING id", "RETURNING"),
        ("UPDATE employees SET id = 1 FROM numbers", "UPDATE … FROM"),
        ("DELETE FROM employees USING numbers", "DELETE … USING"),
        ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
        ("ALTER TABLE employees ADD COLUMN x int", "ALTER TABLE"),
        ("TRUNCATE employees", "TRUNCATE"),
        ("SAVEPOINT a", "SAVEPOINT"),
        ("SELECT DISTINCT ON (id) id FROM employees", "DISTINCT ON"),
        ("SELECT id FROM employees FOR UPDATE", "a locking clause (FOR UPDATE, FOR SHARE)"),
        ("SELECT '2020-01-01'::date", "type date"),
        ("SELECT name COLLATE \"C\" FROM employees", "COLLATE"),
        ("SELECT id ^ 2 FROM employees", "operator ^"),
        ("DROP TABLE employees CASCADE", "CASCADE"),
        ("VACUUM FULL employees", "VACUUM FULL"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "a transaction mode"),
    ] {
        assert_eq!(error(text).state(), SqlState::FeatureNotSupported, "{text}");
        assert_eq!(error(text).message(), format!("{what} is not supported"), "{text}");
    }
}

#[test]
fn statements_about_the_session() {
    let bound =
        |text: &str| statement(text, &mut catalog()).unwrap_or_else(|error| panic!("{text}: {error}"));
    for text in ["BEGIN", "begin work", "START TRANSACTION"] {
        assert!(matches!(bound(text), Statement::Begin), "{text}");
    }
    assert!(matches!(bound("END"), Statement::Commit));
    assert!(matches!(bound("ABORT"), Statement::Rollback));
    assert!(matches!(bound("Checkpoint ;"), Statement::Checkpoint));
    assert!(matches!(bound("VACUUM"), Statement::Vacuum { table: None }));
    assert!(matches!(bound("VACUUM employees"), Statement::Vacuum { table: Some(_) }));
    for (text, value) in
        [("SET work_mem = '4MB'", "4MB"), ("SET Work_Mem TO 64", "64"), ("SET work_mem = on", "on")]
    {
        let Statement::Set { name, value: set } = bound(text) else { panic!("{text}") };
        assert_eq!((name.as_str(), set), ("work_mem", SetValue::Text(value.to_string())));
    }
    assert!(matches!(bound("SET work_mem TO DEFAULT"), Statement::Set { value: SetValue::Default, .. }));
    assert!(matches!(bound("SHOW shared_buffers"), Statement::Show { name } if name == "shared_buffers"));
    let Statement::Explain(explain) = bound("EXPLAIN (ANALYZE, BUFFERS, COSTS off) SELECT 1") else {
        panic!()
    };
    assert!(explain.analyze && explain.buffers && explain.timing && explain.summary && !explain.costs);
    assert_eq!(fails("EXPLAIN (nope) SELECT 1"), "42601: unrecognized EXPLAIN option \"nope\"");
}

#[test]
fn dropping_notes_what_was_not_there() {
    let Statement::DropTable(drop) =
        statement("DROP TABLE IF EXISTS employees, nope", &mut catalog()).unwrap()
    else {
        panic!()
    };
    assert_eq!(
        (drop.tables.len(), drop.notices),
        (1, vec!["table \"nope\" does not exist, skipping".to_string()])
    );
}
