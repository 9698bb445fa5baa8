use crate::sql::testing::*;
#[test]
fn dump() {
    let mut out = String::new();
    for line in std::fs::read_to_string("/tmp/stmts.sql").unwrap().lines() {
        out.push_str(&match statement(line, &mut catalog()) {
            Ok(_) => "ok\n".to_string(),
            Err(e) => format!(
                "{}: {}|{}|{}\n",
                e.state().code(),
                e.message(),
                e.hint().unwrap_or(""),
                e.position().map_or(String::new(), |p| (p + 1).to_string())
            ),
        });
    }
    std::fs::write("/tmp/ours.txt", out).unwrap();
}
