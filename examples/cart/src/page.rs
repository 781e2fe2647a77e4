//! The page, as text. Only names of our own goods come into it, so nothing has to be escaped.

use std::collections::BTreeMap;

use crate::GOODS;

pub(crate) fn render(
    has_session: bool,
    basket: &BTreeMap<String, u32>,
    history: &[String],
) -> String {
    let goods = GOODS.map(|(item, _)| {
        let wanted = basket.get(item).copied().unwrap_or_default();
        format!(
            r#"<tr><td><a href="/goods/{item}">{item}</a></td><td id="{item}">{wanted}</td></tr>"#
        )
    });
    let seen: Vec<_> = history
        .iter()
        .map(|page| format!("<li>{page}</li>"))
        .collect();
    format!(
        include_str!("page.html"),
        goods = goods.join("\n"),
        seen = seen.join("\n"),
        has_session = has_session,
        script = include_str!("page.js"),
    )
}
