//! Puts a page into its template.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::columns::Page;
use super::escape::escaped;

const TEMPLATE: &str = include_str!("page/page.html");
pub(super) const STYLE: &str = include_str!("page/style.css");
/// Runs before anything else, by itself.
const GUARD: &str = include_str!("page/errors.js");
const SCRIPTS: [&str; 22] = [
    "'use strict';\n",
    include_str!("page/data.js"),
    include_str!("page/words.js"),
    include_str!("page/dom.js"),
    include_str!("page/query.js"),
    include_str!("page/view.js"),
    include_str!("page/bars.js"),
    include_str!("page/cluster.js"),
    include_str!("page/frame.js"),
    include_str!("page/timeline.js"),
    include_str!("page/pointer.js"),
    include_str!("page/logs.js"),
    include_str!("page/measures.js"),
    include_str!("page/findings.js"),
    include_str!("page/detail.js"),
    include_str!("page/operations.js"),
    include_str!("page/steps.js"),
    include_str!("page/plots.js"),
    include_str!("page/legend.js"),
    include_str!("page/theme.js"),
    include_str!("page/search.js"),
    include_str!("page/main.js"),
];

impl Page {
    /// The whole page.
    pub fn render(&self) -> String {
        let tone = self.tone.class();
        let reproduce = self.reproduce.as_ref().map_or_else(String::new, |command| {
            format!(
                "<div class=\"reproduce\"><pre id=\"reproduce\">{}</pre><button type=\"button\" id=\"copy\">copy</button></div>",
                escaped(command)
            )
        });
        // Inside a script element nothing but `</` and `<!` has a meaning, and in JSON both can be written otherwise.
        let data = serde_json::to_string(&self.data).expect("it is plain data").replace('<', "\\u003c");
        let script = SCRIPTS.concat();
        filled(TEMPLATE, |name, page| match name {
            "title" => page.push_str(&escaped(&self.title)),
            "outcome" => page.push_str(&escaped(&self.outcome)),
            "outcome_class" => page.push_str(tone),
            "sentence" => page.push_str(&escaped(&self.sentence)),
            "reproduce" => page.push_str(&reproduce),
            "policy" => page.push_str(&policy(&[GUARD, &script])),
            "guard" => page.push_str(GUARD),
            "style" => page.push_str(STYLE),
            "data" => page.push_str(&data),
            "script" => page.push_str(&script),
            other => unreachable!("the template asks for `{other}`"),
        })
    }
}

/// A template with each `{{name}}` in it replaced by what `put` puts there. What was put is not looked at again.
pub(super) fn filled(template: &str, mut put: impl FnMut(&str, &mut String)) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the template is whole");
        page.push_str(before);
        put(name, &mut page);
        rest = after;
    }
    page.push_str(rest);
    page
}

/// What a page may do: run these scripts of its own, wear its own style, and nothing else, whatever a recording says.
pub(super) fn policy(scripts: &[&str]) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let scripts = match scripts {
        [] => "'none'".to_owned(),
        scripts => scripts.iter().map(|script| hash(script)).collect::<Vec<_>>().join(" "),
    };
    format!(
        "default-src 'none'; script-src {scripts}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE)
    )
}
