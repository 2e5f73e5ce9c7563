//! The report as SARIF 2.1.0, for code scanning: a rule for each check, a result for each finding.

use serde_json::{Value, json};

use super::battery::{Battery, Grade};
use super::report::{Outcome, Report};

impl Report {
    /// Returns the report as SARIF. `file` is the file of the user's code to which results are attached, since code scanning
    /// shows only results with a file.
    pub fn sarif(&self, battery: &Battery, file: Option<&str>) -> String {
        let rules: Vec<Value> = self
            .checks
            .iter()
            .filter_map(|outcome| battery.get(&outcome.id))
            .map(|check| {
                json!({
                    "id": check.id,
                    "shortDescription": { "text": check.title },
                    "fullDescription": { "text": check.why },
                    "help": { "text": check.fix },
                    "defaultConfiguration": { "level": level(check.grade) },
                })
            })
            .collect();
        let results: Vec<Value> =
            self.checks.iter().filter_map(|outcome| self.result(outcome, file)).collect();
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "airudder-mock audit",
                    "version": self.version,
                    "rules": rules,
                } },
                "results": results,
            }],
        });
        format!("{document:#}\n")
    }

    fn result(&self, outcome: &Outcome, file: Option<&str>) -> Option<Value> {
        let finding = outcome.finding()?;
        let again = finding.curl.as_ref().unwrap_or(&finding.again);
        let text = format!(
            "{}: {}. Sent: {}. {} {} Rerun: {again}",
            outcome.title, finding.came, finding.sent, finding.why, finding.fix
        );
        let mut location =
            json!({ "logicalLocations": [{ "fullyQualifiedName": self.url, "kind": "resource" }] });
        if let Some(file) = file {
            location["physicalLocation"] =
                json!({ "artifactLocation": { "uri": file }, "region": { "startLine": 1 } });
        }
        let mut result = json!({
            "ruleId": outcome.id,
            "level": level(outcome.grade),
            "message": { "text": text },
            "locations": [location],
            // Identifies the same finding in another run.
            "partialFingerprints": { "check/v1": outcome.id },
        });
        if let Some(reason) = &finding.accepted {
            result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
        }
        Some(result)
    }
}

fn level(grade: Grade) -> &'static str {
    match grade {
        Grade::Error => "error",
        Grade::Warning => "warning",
        Grade::Hint => "note",
    }
}
