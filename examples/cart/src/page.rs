//! The pages, as text. Only names of our own goods come into them, so nothing has to be escaped.

use std::collections::BTreeMap;

use crate::GOODS;

/// The shop: the basket and the pages that were seen last.
pub(crate) fn shop(basket: &BTreeMap<String, u32>, history: &[String]) -> String {
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
    let content = format!(
        include_str!("shop.html"),
        goods = goods.join("\n"),
        seen = seen.join("\n"),
        script = include_str!("page.js"),
    );
    page("Shop", &content)
}

/// The page of an item.
pub(crate) fn item(name: &str, about: &str) -> String {
    let content = format!(r#"<p>{about}</p><p><a id="back" href="/">Back to the shop</a></p>"#);
    page(name, &content)
}

fn page(title: &str, content: &str) -> String {
    format!(
        include_str!("page.html"),
        style = include_str!("page.css"),
        title = title,
        content = content,
    )
}
