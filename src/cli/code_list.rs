//! `catalog --codes`: lists the codes of responses by family, each with its source.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::format::Format;
use crate::contract::Family;
use crate::contract::envelope::{Code, codes};

/// Returns the families that share a table of codes.
fn tables() -> [(&'static [Family], &'static [Code]); 5] {
    let table = |families: &'static [Family]| (families, codes(families[0]));
    [
        table(&[Family::Cloud, Family::Workflow]),
        table(&[Family::Chatbot]),
        table(&[Family::Dialer]),
        table(&[Family::Sms]),
        table(&[Family::Detection]),
    ]
}

fn names(families: &[Family]) -> String {
    families.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns the list of all codes.
pub(super) fn text(format: Format) -> String {
    match format {
        Format::Json => {
            let code = |families: &[Family], code: &Code| {
                json!({
                    "families": families.iter().map(|family| family.as_str()).collect::<Vec<_>>(), "code": code.code,
                    "provenance": code.provenance, "meaning": code.meaning,
                })
            };
            let all = tables();
            let all = all.iter().flat_map(|(families, codes)| codes.iter().map(|one| code(families, one)));
            format!("{:#}\n", Value::Array(all.collect()))
        }
        // Writing to a string cannot fail, here and below.
        Format::Markdown => {
            let mut out =
                String::from("| family | code | provenance | meaning |\n| --- | --- | --- | --- |\n");
            for (families, codes) in tables() {
                for Code { code, provenance, meaning } in codes {
                    let _ = writeln!(out, "| {} | {code} | {provenance} | {meaning} |", names(families));
                }
            }
            out
        }
        Format::Table => {
            let mut out = String::new();
            for (at, (families, codes)) in tables().into_iter().enumerate() {
                let gap = if at == 0 { "" } else { "\n" };
                let _ = writeln!(out, "{gap}{}", names(families));
                for Code { code, provenance, meaning } in codes {
                    let _ = writeln!(out, "  {code:>5}  {provenance:10}  {meaning}");
                }
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_with_where_it_is_known_from() {
        let table = text(Format::Table);
        assert!(table.starts_with("cloud, workflow\n    200  documented  success\n"), "{table}");
        assert!(table.contains("\n  10506  client      there is no such task\n"), "{table}");
        let listed: Value = serde_json::from_str(&text(Format::Json)).unwrap();
        let wanted: usize = tables().iter().map(|(_, codes)| codes.len()).sum();
        assert_eq!(listed.as_array().unwrap().len(), wanted);
        assert_eq!(text(Format::Markdown).lines().count(), wanted + 2);
        // Every family is included.
        let known: usize = tables().iter().map(|(families, _)| families.len()).sum();
        assert_eq!(known, Family::ALL.len());
    }
}
