//! Addresses as Azure DevOps Services and its servers have written them, and the page of the item that each is of.

use super::*;

const GUID: &str = "5d2c1f0e-6b7a-4c88-9a3e-1f2e3d4c5b6a";

/// What a payload tells: what precedes `/_apis/` in the item's address, the collection, the server, the project's name;
/// and what the page begins with.
struct Row(&'static str, Option<&'static str>, Option<&'static str>, &'static str, &'static str);

const TABLE: &[Row] = &[
    // The service.
    Row("https://dev.azure.com/contoso/GUID", None, None, "Web", "https://dev.azure.com/contoso/Web"),
    Row("https://dev.azure.com/contoso", None, None, "Web", "https://dev.azure.com/contoso/Web"),
    Row("https://dev.azure.com/contoso/Old%20name", None, None, "Web", "https://dev.azure.com/contoso/Web"),
    Row("https://dev.azure.com/Web/Web", None, None, "Web", "https://dev.azure.com/Web/Web"),
    Row(
        "https://DEV.azure.com/contoso/GUID",
        None,
        None,
        "製品",
        "https://dev.azure.com/contoso/%E8%A3%BD%E5%93%81",
    ),
    Row(
        "https://dev.azure.com",
        Some("https://dev.azure.com/contoso/"),
        None,
        "Web",
        "https://dev.azure.com/contoso/Web",
    ),
    // Its old domain, with and without the collection.
    Row("https://contoso.visualstudio.com", None, None, "Web", "https://contoso.visualstudio.com/Web"),
    Row("https://contoso.visualstudio.com/GUID", None, None, "Web", "https://contoso.visualstudio.com/Web"),
    Row("https://contoso.visualstudio.com/Old", None, None, "Web", "https://contoso.visualstudio.com/Web"),
    Row(
        "https://contoso.visualstudio.com/DefaultCollection/Old",
        None,
        None,
        "Web",
        "https://contoso.visualstudio.com/DefaultCollection/Web",
    ),
    Row(
        "https://contoso.visualstudio.com/defaultcollection",
        None,
        None,
        "Web",
        "https://contoso.visualstudio.com/defaultcollection/Web",
    ),
    Row(
        "https://contoso.visualstudio.com/DefaultCollection",
        None,
        None,
        "DefaultCollection",
        "https://contoso.visualstudio.com/DefaultCollection",
    ),
    Row(
        "https://contoso.visualstudio.com/DefaultCollection/DefaultCollection",
        None,
        None,
        "DefaultCollection",
        "https://contoso.visualstudio.com/DefaultCollection/DefaultCollection",
    ),
    // A server: the collection at the root, below one directory or several.
    Row("https://dev/Main", None, None, "Web", "https://dev/Main/Web"),
    Row("https://dev/Web", None, None, "Web", "https://dev/Web/Web"),
    Row("https://dev/Main/GUID", None, None, "Web", "https://dev/Main/Web"),
    Row("https://dev/Main/Web", None, None, "Web", "https://dev/Main/Web"),
    Row("https://dev/Main/web", None, None, "Web", "https://dev/Main/Web"),
    Row(
        "https://dev/Main/Stra%C3%9Fe%20N%C3%B6rd",
        None,
        None,
        "Straße NÖRD",
        "https://dev/Main/Stra%C3%9Fe%20N%C3%96RD",
    ),
    Row("http://tfs:8080/tfs/Main", None, None, "Web", "http://tfs:8080/tfs/Main/Web"),
    Row("http://tfs:8080/tfs/Web", None, None, "Web", "http://tfs:8080/tfs/Web/Web"),
    Row("http://tfs:8080/tfs/Main/Web", None, None, "Web", "http://tfs:8080/tfs/Main/Web"),
    Row("http://tfs:8080/TFS/Main/Old%20name", None, None, "Web", "http://tfs:8080/TFS/Main/Web"),
    Row("http://tfs:8080/tfs/Main/GUID", None, None, "Web", "http://tfs:8080/tfs/Main/Web"),
    Row("http://tfs/tfs/Main%20Team/Old", None, None, "Web", "http://tfs/tfs/Main%20Team/Web"),
    Row("http://tfs/a/tfs/Website", None, None, "Website", "http://tfs/a/tfs/Website/Website"),
    Row("http://tfs/a/tfs/Main/Website", None, None, "Website", "http://tfs/a/tfs/Main/Website"),
    Row("http://tfs/a/b/c/Main/GUID", None, None, "Web", "http://tfs/a/b/c/Main/Web"),
    Row("http://tfs/a/b/c/Main/Web", None, None, "Web", "http://tfs/a/b/c/Main/Web"),
    Row("http://tfs/a/DefaultCollection/Old", None, None, "Web", "http://tfs/a/DefaultCollection/Web"),
    Row("http://[fd00::7]:8080/tfs/Main/GUID", None, None, "Web", "http://[fd00::7]:8080/tfs/Main/Web"),
    Row("http://10.0.0.7:8080/tfs/Main/Old", None, None, "Web", "http://10.0.0.7:8080/tfs/Main/Web"),
    // What the payload says of the collection, whatever host and scheme it is known by there.
    Row("https://dev/a/Main/Old", Some("https://dev/a/Main/"), None, "Web", "https://dev/a/Main/Web"),
    Row("https://dev/a/main/Old", Some("http://DEV:8080/A/Main"), None, "Web", "https://dev/a/main/Web"),
    Row("https://dev/x/Web", Some("https://dev/x/Web/"), None, "Web", "https://dev/x/Web/Web"),
    Row(
        "https://public/Main/Old",
        Some("http://inside:8080/tfs/Main/"),
        None,
        "Web",
        "https://public/Main/Web",
    ),
    Row(
        "https://dev/a/Main%20Team/Old",
        Some("https://dev/a/Main Team/"),
        None,
        "Web",
        "https://dev/a/Main%20Team/Web",
    ),
    Row("https://dev/a/Main/GUID", Some("https://dev/a/"), None, "Web", "https://dev/a/Main/Web"),
    Row("https://dev/a/Main/Old", None, Some("https://dev/a/"), "Web", "https://dev/a/Main/Web"),
    Row("https://dev/Main/Old", None, Some("https://dev/"), "Web", "https://dev/Main/Web"),
    Row("https://dev/a/b/Main/Old", None, Some("http://dev:8080/a/b"), "Web", "https://dev/a/b/Main/Web"),
    // Without an address of the API.
    Row("", Some("https://dev/a/Main/"), None, "Web", "https://dev/a/Main/Web"),
    Row("javascript:alert(1)/", Some("https://dev/a/Main/"), None, "Web", "https://dev/a/Main/Web"),
    // Nobody sees a password, and no more of an address than leads to the page.
    Row("https://user:pass@dev/Main/GUID", None, None, "Web", "https://dev/Main/Web"),
    Row("https://user@dev.azure.com/contoso/GUID", None, None, "Web", "https://dev.azure.com/contoso/Web"),
    Row("", Some("https://:pass@dev/Main/?token=1#top"), None, "Web", "https://dev/Main/Web"),
];

#[test]
fn w21_the_page_is_that_of_the_item_whatever_address_a_payload_has() {
    let id = WorkItemId::new(13).unwrap();
    for Row(api, named, server, project_name, expected) in TABLE {
        let api = format!("{}/_apis/wit/workItems/13/updates/2", api.replace("GUID", GUID));
        let told = Told { api: Some(&api), collection: *named, server: *server, project_name };
        let page = collection(&told).and_then(|collection| page(collection, project_name, id));
        assert_eq!(page.as_deref(), Some(&*format!("{expected}/_workitems/edit/13")), "{told:?}");
    }
}

#[test]
fn w21_what_is_no_address_of_a_site_leads_nowhere() {
    let id = WorkItemId::new(13).unwrap();
    for (api, named) in [
        ("javascript:alert(1)/_apis/", None),
        ("https://dev.azure.com/_apis/", None),
        ("a/b", Some("ftp://dev/Main/")),
    ] {
        let told = Told { api: Some(api), collection: named, server: None, project_name: "Web" };
        assert_eq!(collection(&told), None, "{told:?}");
    }
    assert_eq!(page(Url::parse("https://dev/Main").unwrap(), "", id), None);
}
