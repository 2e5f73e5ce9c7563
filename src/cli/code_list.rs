//! `catalog --codes`: lists the codes of responses by family, each with its source.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::format::Format;
use crate::contract::Family;
use crate::contract::envelope::{Code, CorrectedCodes, codes};

/// Returns the codes of each family, and families with the same codes together.
fn tables(corrected: &CorrectedCodes) -> Vec<(Vec<Family>, Vec<Code>)> {
    let mut tables: Vec<(Vec<Family>, Vec<Code>)> = Vec::new();
    for family in Family::ALL {
        let own: Vec<Code> = codes(family).iter().map(|code| corrected.shown(family, *code)).collect();
        // Only families of one table of the vendor belong together.
        let same = |(families, all): &&mut (Vec<Family>, Vec<Code>)| {
            *all == own && std::ptr::eq(codes(families[0]), codes(family))
        };
        match tables.iter_mut().find(same) {
            Some((families, _)) => families.push(family),
            None => tables.push((vec![family], own)),
        }
    }
    tables
}

fn names(families: &[Family]) -> String {
    families.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns the list of all codes, with the corrections of the settings.
pub(super) fn text(corrected: &CorrectedCodes, format: Format) -> String {
    let tables = tables(corrected);
    match format {
        Format::Json => {
            let code = |families: &[Family], code: &Code| {
                json!({
                    "families": families.iter().map(|family| family.as_str()).collect::<Vec<_>>(), "code": code.code,
                    "provenance": code.provenance, "meaning": code.meaning,
                })
            };
            let all = tables.iter().flat_map(|(families, codes)| codes.iter().map(|one| code(families, one)));
            format!("{:#}\n", Value::Array(all.collect()))
        }
        // Writing to a string cannot fail, here and below.
        Format::Markdown => {
            let mut out =
                String::from("| family | code | provenance | meaning |\n| --- | --- | --- | --- |\n");
            for (families, codes) in &tables {
                for Code { code, provenance, meaning } in codes {
                    let _ = writeln!(out, "| {} | {code} | {provenance} | {meaning} |", names(families));
                }
            }
            for (scope, code, other) in corrected.narrower() {
                let _ = writeln!(out, "| {scope} | {other} | documented | in place of {code} |");
            }
            out
        }
        Format::Table => {
            let mut out = String::new();
            for (at, (families, codes)) in tables.iter().enumerate() {
                let gap = if at == 0 { "" } else { "\n" };
                let _ = writeln!(out, "{gap}{}", names(families));
                for Code { code, provenance, meaning } in codes {
                    let _ = writeln!(out, "  {code:>5}  {provenance:10}  {meaning}");
                }
            }
            let mut before = "";
            for (scope, code, other) in corrected.narrower() {
                if scope != before {
                    let _ = writeln!(out, "\n{scope}");
                }
                let _ = writeln!(out, "  {other:>5}  documented  in place of {code}");
                before = scope;
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
        let none = CorrectedCodes::default();
        let text = |format| text(&none, format);
        let table = text(Format::Table);
        assert!(table.starts_with("cloud, workflow\n    200  documented  success\n"), "{table}");
        assert!(table.contains("\n  10506  client      there is no such task\n"), "{table}");
        let listed: Value = serde_json::from_str(&text(Format::Json)).unwrap();
        let wanted: usize = tables(&none).iter().map(|(_, codes)| codes.len()).sum();
        assert_eq!(listed.as_array().unwrap().len(), wanted);
        assert_eq!(text(Format::Markdown).lines().count(), wanted + 2);
        // Every family is included.
        let known: usize = tables(&none).iter().map(|(families, _)| families.len()).sum();
        assert_eq!((known, tables(&none).len()), (Family::ALL.len(), 5));
    }

    #[test]
    fn corrected_codes_are_listed() {
        let scope = |name: &str, other| (name.to_owned(), [("404".to_owned(), other)].into());
        let corrected = CorrectedCodes::new([scope("cloud", 40_401), scope("task.*", 40_410)].into());
        let table = text(&corrected, Format::Table);
        assert!(table.starts_with("cloud\n    200  documented  success\n"), "{table}");
        assert!(table.contains("\n  40401  documented  there is no such object\n"), "{table}");
        assert!(table.contains("\nworkflow\n    200 "), "{table}");
        assert!(table.ends_with("\n\ntask.*\n  40410  documented  in place of 404\n"), "{table}");
        assert!(
            text(&corrected, Format::Markdown)
                .ends_with("| task.* | 40410 | documented | in place of 404 |\n")
        );
    }
}
