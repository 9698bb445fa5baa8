//! SELECT: names, types, grouping, order.

use super::assert_fails;
use super::fails;
use crate::sql::expr::{AggregateFunction, Expr};
use crate::sql::plan::Operator;
use crate::sql::testing::{catalog, error, explained, planned, statement};
use crate::types::DataType;

fn types(text: &str) -> Vec<DataType> {
    planned(text, &mut catalog()).0.types
}

fn names(text: &str) -> Vec<String> {
    planned(text, &mut catalog()).1
}

#[test]
fn names_that_do_not_exist() {
    assert_fails(&[
        ("SELECT nope FROM employees", "42703: column \"nope\" does not exist @8"),
        ("SELECT 1 FROM pg_catalog.employees", "42P01: relation \"pg_catalog.employees\" does not exist @15"),
        ("SELECT 1 FROM public.pg_class", "42P01: relation \"public.pg_class\" does not exist @15"),
        ("SELECT e.nope FROM employees e", "42703: column e.nope does not exist @8"),
        ("SELECT e.id FROM employees", "42P01: missing FROM-clause entry for table \"e\" @8"),
        (
            "SELECT employees.id FROM employees e",
            "42P01: invalid reference to FROM-clause entry for table \"employees\" @8",
        ),
        ("SELECT * FROM nope", "42P01: relation \"nope\" does not exist @15"),
        ("SELECT * FROM other.employees", "42P01: relation \"other.employees\" does not exist @15"),
        (
            "INSERT INTO employees (nope) VALUES (1)",
            "42703: column \"nope\" of relation \"employees\" does not exist @24",
        ),
        ("SELECT nofunc(1, 'x')", "42883: function nofunc(integer, unknown) does not exist @8"),
        ("DROP TABLE nope", "42P01: table \"nope\" does not exist"),
    ]);
    assert!(
        statement("SELECT public.employees.ID, PG_CATALOG.lower(Name) FROM Public.Employees", &mut catalog())
            .is_ok()
    );
    assert!(statement("SELECT \"Id\", \"order\" FROM \"Odd Name\"", &mut catalog()).is_ok());
}

#[test]
fn results_have_a_limited_number_of_columns() {
    let select = |columns: usize| format!("SELECT {}id FROM employees", "id, ".repeat(columns - 1));
    assert!(statement(&select(1664), &mut catalog()).is_ok());
    assert_eq!(fails(&select(1665)), "54011: target lists can have at most 1664 entries");
    let values = format!("VALUES ({}1)", "1, ".repeat(1664));
    assert_eq!(fails(&values), "54011: target lists can have at most 1664 entries");
}

#[test]
fn types_that_do_not_match() {
    assert_fails(&[
        ("SELECT id = 'a'::text FROM employees", "42883: operator does not exist: integer = text @11"),
        (
            "SELECT id = name FROM employees",
            "42883: operator does not exist: integer = character varying @11",
        ),
        ("SELECT id = 'abc' FROM employees", "22P02: invalid input syntax for type integer: \"abc\" @13"),
        ("SELECT id || salary FROM employees", "42883: operator does not exist: integer || integer @11"),
        ("SELECT 'a' + 'b'", "42725: operator is not unique: unknown + unknown @12"),
        ("SELECT - true", "42883: operator does not exist: - boolean @8"),
        ("SELECT id LIKE 'x' FROM employees", "42883: operator does not exist: integer ~~ unknown @11"),
        ("SELECT CASE '1' WHEN 1 THEN 2 END", "42883: operator does not exist: text = integer @17"),
        ("SELECT 1 < 2 < 3", "42601: syntax error at or near \"<\" @14"),
        (
            "SELECT id NOT BETWEEN 1 AND name FROM employees",
            "42883: operator does not exist: integer > character varying @11",
        ),
        (
            "SELECT 1 + CASE id WHEN name THEN 1 END FROM employees",
            "42883: operator does not exist: integer = character varying @20",
        ),
        (
            "SELECT id IN (1, name) FROM employees",
            "42883: operator does not exist: integer = character varying @11",
        ),
        (
            "SELECT id + 1 AND true FROM employees",
            "42804: argument of AND must be type boolean, not type integer @8",
        ),
        ("SELECT 1 WHERE 1", "42804: argument of WHERE must be type boolean, not type integer @16"),
        ("SELECT 1 AND true", "42804: argument of AND must be type boolean, not type integer @8"),
        (
            "SELECT CASE WHEN true THEN 'x'::text ELSE 1 END",
            "42804: CASE types integer and text cannot be matched @28",
        ),
        ("SELECT coalesce(1, 'x'::text)", "42804: COALESCE types integer and text cannot be matched @20"),
        ("SELECT sum(name) FROM employees", "42883: function sum(character varying) does not exist @8"),
        (
            "INSERT INTO employees (id) VALUES (true)",
            "42804: column \"id\" is of type integer but expression is of type boolean @36",
        ),
        (
            "UPDATE employees SET id = name",
            "42804: column \"id\" is of type integer but expression is of type character varying @27",
        ),
        (
            "CREATE TABLE t (a int DEFAULT true)",
            "42804: column \"a\" is of type integer but default expression is of type boolean",
        ),
    ]);
    let error = error("SELECT id = name FROM employees");
    assert!(error.hint().unwrap().starts_with("No operator matches the given name and argument types."));
}

#[test]
fn types_of_expressions() {
    use DataType::*;
    for (text, expected) in [
        ("small + small", SmallInt),
        ("small + 1", Integer),
        ("whole + big", BigInt),
        ("whole * 1.5", DoublePrecision),
        ("whole + '1'", Integer),
        ("3000000000", BigInt),
        ("99999999999999999999", DoublePrecision),
        ("word || whole", Text),
        ("'x'", Text),
        ("NULL", Text),
        ("sum(whole) OVER_", BigInt),
        ("avg(small) OVER_", DoublePrecision),
        ("sum(real) OVER_", DoublePrecision),
        ("max(small) OVER_", SmallInt),
        ("count(*) OVER_", BigInt),
        ("abs(small)", SmallInt),
        ("round(whole)", DoublePrecision),
        ("length(word)", Integer),
        ("nullif(whole, 2::bigint)", Integer),
        ("greatest(small, big)", BigInt),
        ("case when flag then small else 1.5 end", DoublePrecision),
        ("word::varchar(3)", Varchar(Some(3))),
        ("flag is not true", Boolean),
    ] {
        let text = format!("SELECT {} FROM numbers", text.replace(" OVER_", ""));
        assert_eq!(types(&text), [expected], "{text}");
    }
}

#[test]
fn literals_go_to_the_other_side_so_that_columns_stay_bare() {
    let filter = |condition: &str| {
        explained(&format!("SELECT 1 FROM numbers WHERE {condition}"), &mut catalog())[1].clone()
    };
    for (condition, expected) in [
        ("small = 1", "(small = 1)"),
        ("1 < big", "(1 < big)"),
        ("small = 100000", "((small)::integer = 100000)"),
        ("whole = 5000000000", "((whole)::bigint = '5000000000'::bigint)"),
        ("whole > 1.5", "(whole > 1)"),
        ("whole > 1.5::float8", "((whole)::double precision > '1.5'::double precision)"),
        ("real = 1", "(\"real\" = '1'::double precision)"),
        ("small IN (1, 2)", "(small IN ('1'::smallint, '2'::smallint))"),
        ("whole BETWEEN 1 AND 2", "((whole >= 1) AND (whole <= 2))"),
        ("NOT whole = 1", "(whole <> 1)"),
        ("flag = true", "flag"),
        ("flag = false", "(NOT flag)"),
        ("flag IS NOT TRUE", "(flag IS NOT TRUE)"),
        ("word LIKE 'a%'", "(word ~~ 'a%'::text)"),
        ("word ILIKE 'a!%' ESCAPE '!'", "(word ~~* 'a\\%'::text)"),
        ("whole IS DISTINCT FROM NULL", "(whole IS DISTINCT FROM NULL::integer)"),
        ("1 = 1 AND whole = 1 + 1", "(whole = 2)"),
        ("CASE whole WHEN 1 THEN true ELSE flag END", "CASE WHEN (whole = 1) THEN true ELSE flag END"),
    ] {
        assert_eq!(filter(condition), format!("  Filter: {expected}"), "{condition}");
    }
}

#[test]
fn outputs_are_named_as_postgresql_names_them() {
    assert_eq!(
        names(
            "SELECT 1, whole, numbers.big, count(*), count(*) AS n, CASE WHEN true THEN 1 END, \
             CASE WHEN true THEN 1 ELSE whole END, whole::text, '1'::int, 'x', true, trim(word), \
             substring(word from 2), coalesce(1), -whole, (word), Whole AS \"X\", lower(word) \
             FROM numbers GROUP BY whole, big, word"
        ),
        [
            "?column?",
            "whole",
            "big",
            "count",
            "n",
            "case",
            "whole",
            "whole",
            "int4",
            "?column?",
            "?column?",
            "btrim",
            "substring",
            "coalesce",
            "?column?",
            "word",
            "X",
            "lower"
        ]
    );
    assert_eq!(names("SELECT * FROM employees"), ["id", "name", "department", "salary", "active"]);
    assert_eq!(names("SELECT e.*, 1 AS one FROM employees AS e").len(), 6);
    assert_eq!(names("VALUES (1, 'x')"), ["column1", "column2"]);
}

#[test]
fn grouping() {
    assert_fails(&[
        (
            "SELECT e.name, count(*) FROM employees e GROUP BY department",
            "42803: column \"e.name\" must appear in the GROUP BY clause or be used in an aggregate function @8",
        ),
        (
            "SELECT department FROM employees GROUP BY department HAVING salary > 1",
            "42803: column \"employees.salary\" must appear in the GROUP BY clause or be used in an aggregate function @61",
        ),
        (
            "SELECT id FROM employees WHERE count(*) > 1",
            "42803: aggregate functions are not allowed in WHERE @32",
        ),
        ("SELECT sum(count(*)) FROM employees", "42803: aggregate function calls cannot be nested @12"),
        ("UPDATE employees SET id = count(*)", "42803: aggregate functions are not allowed in UPDATE @27"),
        (
            "SELECT count(*) FROM employees GROUP BY 1",
            "42803: aggregate functions are not allowed in GROUP BY",
        ),
        (
            "SELECT department FROM employees GROUP BY 2",
            "42P10: GROUP BY position 2 is not in select list @43",
        ),
    ]);
    let (plan, _) = planned(
        "SELECT department AS d, sum(salary) / count(*), count(DISTINCT salary) FROM employees \
         GROUP BY d HAVING count(*) > 1 ORDER BY count(*) DESC, 1",
        &mut catalog(),
    );
    let Operator::Project { input, expressions } = plan.operator else { panic!("{plan:?}") };
    assert_eq!(expressions[0], Expr::column(0, DataType::Varchar(Some(50))));
    let Operator::Sort { input, keys, .. } = input.operator else { panic!() };
    assert_eq!(keys[0].expression, Expr::column(2, DataType::BigInt));
    assert!(keys[0].descending && keys[0].nulls_first && !keys[1].nulls_first);
    let Operator::Filter { input, .. } = input.operator else { panic!() };
    let Operator::Aggregate { aggregates, group_by, .. } = input.operator else { panic!() };
    assert_eq!(group_by.len(), 1);
    // count(*) appears three times and is computed once.
    assert_eq!(aggregates.len(), 3);
    assert_eq!(aggregates[1].function, AggregateFunction::Count);
    assert!(aggregates[2].distinct);
}

#[test]
fn grouped_by_its_primary_key_a_table_gives_all_its_columns() {
    assert_eq!(names("SELECT name, salary + 1, count(*) FROM employees GROUP BY id").len(), 3);
    assert_eq!(names("SELECT salary + 1 FROM employees GROUP BY salary + 1").len(), 1);
    assert!(fails("SELECT salary + 2 FROM employees GROUP BY salary + 1").starts_with("42803"));
}

#[test]
fn order_limit_and_distinct() {
    assert_fails(&[
        (
            "SELECT department FROM employees ORDER BY 2",
            "42P10: ORDER BY position 2 is not in select list @43",
        ),
        (
            "SELECT department FROM employees ORDER BY -1",
            "42P10: ORDER BY position -1 is not in select list @43",
        ),
        ("SELECT department FROM employees ORDER BY -1.5", "42601: non-integer constant in ORDER BY @43"),
        ("SELECT department FROM employees ORDER BY 'x'", "42601: non-integer constant in ORDER BY @43"),
        ("SELECT id AS a, salary AS a FROM employees ORDER BY a", "42702: ORDER BY \"a\" is ambiguous @53"),
        (
            "SELECT DISTINCT department FROM employees ORDER BY salary",
            "42P10: for SELECT DISTINCT, ORDER BY expressions must appear in select list @52",
        ),
        ("SELECT 1 LIMIT 1 FETCH FIRST ROW ONLY", "42601: multiple LIMIT clauses not allowed"),
        ("SELECT id FROM employees AS select", "42601: syntax error at or near \"select\" @29"),
        ("SELECT 1 LIMIT -1", "2201W: LIMIT must not be negative"),
        ("SELECT 1 OFFSET -1", "2201X: OFFSET must not be negative"),
        ("SELECT id FROM employees LIMIT id", "42P10: argument of LIMIT must not contain variables @32"),
        ("SELECT 1 LIMIT true", "42804: argument of LIMIT must be type bigint, not type boolean @16"),
    ]);
    let limit = |text: &str| match planned(text, &mut catalog()).0.operator {
        Operator::Project { input, .. } => match input.operator {
            Operator::Limit { limit, offset, .. } => (limit, offset),
            _ => (None, 0),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(limit("SELECT 1 LIMIT 1 + 1 OFFSET '3'"), (Some(2), 3));
    assert_eq!(limit("SELECT 1 LIMIT NULL"), (None, 0));
    assert_eq!(limit("SELECT 1 LIMIT ALL OFFSET 2"), (None, 2));
    assert_eq!(limit("SELECT 1 FETCH FIRST ROW ONLY"), (Some(1), 0));
    assert_eq!(limit("SELECT 1 OFFSET 2 ROWS FETCH NEXT 5 ROWS ONLY"), (Some(5), 2));
}
