//! Puts a page into its template.

use super::columns::Page;
use super::escape::escaped;

const TEMPLATE: &str = include_str!("page/page.html");
pub(super) const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("page/data.js"),
    include_str!("page/timeline.js"),
    include_str!("page/panels.js"),
    include_str!("page/plots.js"),
    include_str!("page/main.js"),
];

impl Page {
    /// The whole page.
    pub fn render(&self) -> String {
        let tone = self.tone.class();
        let reproduce = self.reproduce.as_ref().map_or_else(String::new, |command| {
            format!("<pre class=\"reproduce\" id=\"reproduce\">{}</pre>", escaped(command))
        });
        // Inside a script element nothing but `</` and `<!` has a meaning, and in JSON both can be written otherwise.
        let data = serde_json::to_string(&self.data).expect("it is plain data").replace('<', "\\u003c");
        filled(TEMPLATE, |name, page| match name {
            "title" => page.push_str(&escaped(&self.title)),
            "outcome" => page.push_str(&escaped(&self.outcome)),
            "outcome_class" => page.push_str(tone),
            "sentence" => page.push_str(&escaped(&self.sentence)),
            "reproduce" => page.push_str(&reproduce),
            "style" => page.push_str(STYLE),
            "data" => page.push_str(&data),
            "script" => SCRIPTS.iter().for_each(|script| page.push_str(script)),
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
