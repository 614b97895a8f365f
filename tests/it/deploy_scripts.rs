//! The scripts that deploy, with programs of the tests in place of `az`, `func` and `curl`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::support::host::root;

/// A folder of programs that stand before the machine's, and the log of what they were called with.
struct Programs(PathBuf);

impl Programs {
    /// Each program's name and what it does, in the language of the shell, after it has noted its arguments.
    fn new(name: &str, programs: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("boardcast-deploy-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("package")).unwrap();
        let write = |path: PathBuf, text: String| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        for (program, does) in programs {
            let text = format!("#!/bin/sh\necho \"{program} $*\" >>\"$LOG\"\n{does}\n");
            write(folder.join(program), text);
        }
        write(folder.join("package/boardcast"), String::new());
        let function = "Snapshot/function.json";
        std::fs::create_dir_all(folder.join("package/Snapshot")).unwrap();
        std::fs::copy(root().join(function), folder.join("package").join(function)).unwrap();
        std::fs::write(folder.join("package.zip"), "").unwrap();
        Self(folder)
    }

    /// The same where people sign in: with that package, and of such an app.
    fn for_sign_in(self) -> Self {
        let function = self.0.join("package/Snapshot/function.json");
        let text = std::fs::read_to_string(&function).unwrap();
        std::fs::write(function, text.replace(r#""function""#, r#""anonymous""#)).unwrap();
        std::fs::write(self.0.join("signs-in"), "").unwrap();
        self
    }

    /// Runs a script. Returns whether it succeeded, what it wrote, and what it called.
    fn run(&self, script: &str, arguments: &[&str]) -> (bool, String, Vec<String>) {
        let log = self.0.join("log");
        let _ = std::fs::remove_file(&log);
        // The others are told by the app.
        let signs_in = ["provision", "smoke"].contains(&script) && self.0.join("signs-in").exists();
        let mut path = self.0.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let output = Command::new(root().join("scripts").join(script))
            .args(arguments)
            .env("PATH", path)
            .env("LOG", &log)
            .env("FOLDER", &self.0)
            .envs(ORGANISATION)
            .env("BOARDCAST_PACKAGE", self.0.join("package"))
            .env_remove("BOARDCAST_SIGN_IN")
            .envs(signs_in.then_some(("BOARDCAST_SIGN_IN", "an-application")))
            .env("BOARDCAST_RETRY_S", "0")
            .env("BOARDCAST_SMOKE_TRIES", "2")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let called = std::fs::read_to_string(&log).unwrap_or_default();
        let called = called.lines().map(str::to_owned).collect();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned(), called)
    }

    fn deploy(&self) -> (bool, String, Vec<String>) {
        self.run("deploy", &["rg", "app", self.0.join("package").to_str().unwrap()])
    }
}

/// What a first deployment is asked for.
const ORGANISATION: [(&str, &str); 3] = [
    ("AZURE_LOCATION", "westeurope"),
    ("BOARDCAST_ORGANIZATION_URL", "https://dev.azure.com/contoso"),
    ("BOARDCAST_PROJECTS", "Website,Fabrikam Fiber"),
];

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The calls that begin so.
fn count(called: &[String], beginning: &str) -> usize {
    called.iter().filter(|call| call.starts_with(beginning)).count()
}

#[test]
fn secrets_are_made_where_they_are_absent_and_never_anew() {
    let vault = "case \"$*\" in
        *'secret list'*) cat \"$FOLDER/names\" 2>/dev/null; exit 0 ;;
        *'secret set'*) shift 6; echo \"$1\" >>\"$FOLDER/names\"; shift 2; cp \"$1\" \"$FOLDER/value-$(wc -l <\"$FOLDER/names\")\" ;;
    esac";
    let programs = Programs::new("secrets", &[("az", vault)]);
    let (is_fine, said, called) = programs.run("secrets", &["kv"]);
    assert!(is_fine && count(&called, "az keyvault secret set") == 3, "{said}{called:?}");
    let value = |number: u8| std::fs::read_to_string(programs.0.join(format!("value-{number}"))).unwrap();
    assert_eq!((value(1).len(), value(2).len(), value(3).len()), (43, 43, 43), "256 bits each");
    assert!(value(1) != value(2) && value(2) != value(3) && value(1) != value(3));
    assert!(!called.iter().any(|call| call.contains(&value(1))) && !said.contains(&value(1)), "it is shown");
    let (is_fine, said, called) = programs.run("secrets", &["kv"]);
    assert!(is_fine && count(&called, "az keyvault secret set") == 0 && said.contains("kept"), "{said}");
    // Who cannot say what there is says nothing of what there is not.
    let programs = Programs::new("forbidden", &[("az", "exit 1")]);
    let (is_fine, said, called) = programs.run("secrets", &["kv"]);
    assert!(!is_fine && said.contains("Key Vault Secrets Officer"), "{said}");
    assert_eq!(count(&called, "az keyvault secret set"), 0);
}

/// `az` of a subscription whose app has these slots.
fn az(slots: &str) -> String {
    format!(
        "case \"$*\" in
            *'slot list'*) printf '%s' '{slots}' ;;
            *'keys list'*) echo a-key ;;
            *'appsettings list'*FIC_ASSERTION*) [ ! -e \"$FOLDER/signs-in\" ] || echo an-identity ;;
            *'appsettings list'*) echo account ;;
            *'functionapp show'*) echo app.example ;;
            *'blob download'*) cd \"$FOLDER\" && mkdir -p old && touch old/host.json && cp \"$FOLDER/old.zip\" \"$(echo \"$*\" | sed 's/.*--file \\([^ ]*\\).*/\\1/')\" ;;
        esac"
    )
}

/// `func` that publishes, which ends an app that worked where there is that file.
const FUNC: &str = "[ ! -e \"$FOLDER/breaks\" ] || rm -f \"$FOLDER/works\"";

/// `curl` of an app that works where that file is.
const CURL: &str = "case \"$*\" in
    *--config*code*) printf 401 ;;
    *--config*) echo '{\"type\":\"connected\"}' ;;
    *--fail*) [ -e \"$FOLDER/works\" ] ;;
    *ready*) if [ -e \"$FOLDER/works\" ]; then printf 200; else printf 503; fi ;;
    *sse* | *webhooks*) printf 401 ;;
    *) printf 200 ;;
esac";

#[test]
fn a_package_that_works_is_kept_and_one_that_does_not_is_taken_back() {
    let programs = Programs::new("flex", &[("az", &az("")), ("func", FUNC), ("curl", CURL), ("unzip", "")]);
    std::fs::write(programs.0.join("old.zip"), "").unwrap();
    // At first there are no boards, because nobody has let the identity into the organisation.
    let (is_fine, said, called) = programs.deploy();
    assert!(is_fine && said.contains("not yet  there are boards to serve"), "{said}");
    assert_eq!(count(&called, "az storage blob upload"), 1, "it is the last one that worked");
    std::fs::write(programs.0.join("works"), "").unwrap();
    let (is_fine, said, called) = programs.deploy();
    assert!(is_fine && said.contains("ok       there are boards to serve"), "{said}");
    assert_eq!(count(&called, "func azure functionapp publish app --custom"), 1);
    assert_eq!(count(&called, "az storage blob upload"), 1);
    std::fs::write(programs.0.join("breaks"), "").unwrap();
    let (is_fine, said, called) = programs.deploy();
    assert!(!is_fine && said.contains("does not work"), "{said}");
    assert_eq!(count(&called, "func azure functionapp publish app --custom"), 2, "{said}");
    assert_eq!(
        (count(&called, "az storage blob download"), count(&called, "az storage blob upload")),
        (1, 0)
    );
}

#[test]
fn with_a_slot_the_package_is_tried_there_and_swapped_in() {
    let programs = Programs::new("slot", &[("az", &az("staging")), ("func", FUNC), ("curl", CURL)]);
    let works = || std::fs::write(programs.0.join("works"), "").unwrap();
    works();
    std::fs::write(programs.0.join("breaks"), "").unwrap();
    let (is_fine, said, called) = programs.deploy();
    assert!(!is_fine && said.contains("the app goes on with the one it has"), "{said}");
    assert_eq!(count(&called, "az functionapp deployment slot swap"), 0);
    assert!(called.last().unwrap().starts_with("az functionapp stop"), "{called:?}");
    // What is in the slot by now worked never.
    let (is_fine, said, called) = programs.run("rollback", &["rg", "app"]);
    assert!(!is_fine && said.contains("does not work, so it is not swapped in"), "{said}");
    assert_eq!(count(&called, "az functionapp deployment slot swap"), 0);
    assert!(called.last().unwrap().starts_with("az functionapp stop"), "{called:?}");
    std::fs::remove_file(programs.0.join("breaks")).unwrap();
    works();
    let (is_fine, said, called) = programs.deploy();
    assert!(is_fine, "{said}");
    assert_eq!(count(&called, "func azure functionapp publish app --custom --slot staging"), 1);
    assert_eq!(count(&called, "az functionapp deployment slot swap"), 1);
    assert!(called.last().unwrap().starts_with("az functionapp stop"), "{called:?}");
    let (is_fine, said, called) = programs.run("rollback", &["rg", "app"]);
    assert!(is_fine && count(&called, "az functionapp deployment slot swap") == 1, "{said}");
}

#[test]
fn a_rollback_asks_the_slot_of_an_app_that_people_sign_in_to_as_one() {
    let programs = [("az", &*az("staging")), ("func", FUNC), ("curl", CURL_OF_SIGN_IN)];
    let programs = Programs::new("rollback-sign-in", &programs).for_sign_in();
    let (is_fine, said, called) = programs.run("rollback", &["rg", "app"]);
    assert!(is_fine && said.contains("ok       a board needs somebody who is signed in"), "{said}");
    assert_eq!(count(&called, "az functionapp deployment slot swap"), 1);
}

#[test]
fn where_nobody_says_whether_there_is_a_slot_nothing_is_published() {
    for (plan, is_deployed) in [("{\"sku\":\"PremiumV3\"}", false), ("{\"sku\":\"FlexConsumption\"}", true)] {
        let answers = format!(
            "case \"$*\" in *'slot list'*) exit 1 ;; *'show'*'output json'*) echo '{plan}'; exit ;; esac\n{}",
            az("")
        );
        let programs = Programs::new("no-slots", &[("az", &answers), ("func", FUNC), ("curl", CURL)]);
        std::fs::write(programs.0.join("works"), "").unwrap();
        let (is_fine, said, called) = programs.deploy();
        assert_eq!(
            (is_fine, count(&called, "func")),
            (is_deployed, usize::from(is_deployed)),
            "{plan}: {said}"
        );
    }
}

#[test]
fn a_smoke_test_never_shows_the_key_and_notices_an_app_that_is_open() {
    let programs = Programs::new("smoke", &[("curl", CURL)]);
    std::fs::write(programs.0.join("works"), "").unwrap();
    let (is_fine, said, called) = programs.run("smoke", &["https://app.example/", "a-key"]);
    assert!(is_fine && said.matches("ok       ").count() == 7, "{said}");
    assert!(!called.iter().any(|call| call.contains("a-key")) && !said.contains("a-key"));
    let programs = Programs::new("open", &[("curl", "printf 200")]);
    let (is_fine, said, _) = programs.run("smoke", &["https://app.example"]);
    assert!(!is_fine && said.contains("FAILED   the stream needs a key: wanted 401, got 200"), "{said}");
}

/// `curl` of an app that works, and leads whoever is not signed in elsewhere; where there is that file it does not.
const CURL_OF_SIGN_IN: &str = "case \"$*\" in
    *webhooks*) printf 401 ;;
    *health*) printf 200 ;;
    *) if [ -e \"$FOLDER/open\" ]; then cat \"$FOLDER/open\"; else printf '\\n302'; fi ;;
esac";

#[test]
fn a_smoke_test_where_people_sign_in_notices_that_somebody_need_not_or_cannot() {
    let programs = Programs::new("smoke-sign-in", &[("curl", CURL_OF_SIGN_IN)]).for_sign_in();
    let (is_fine, said, called) = programs.run("smoke", &["https://app.example", "a-key"]);
    assert!(is_fine && said.matches("ok       ").count() == 7, "{said}");
    assert!(!called.iter().any(|call| call.contains("a-key")), "{called:?}");
    let off = "{\"error\":{\"code\":\"authentication_off\"}}\n403";
    for (answer, wanted) in [("[]\n200", "got 200"), (off, "App Service's authentication is not on")] {
        std::fs::write(programs.0.join("open"), answer).unwrap();
        let (is_fine, said, _) = programs.run("smoke", &["https://app.example", "a-key"]);
        let line = said.lines().find(|line| line.starts_with("FAILED   a board needs somebody"));
        assert!(!is_fine && line.is_some_and(|line| line.contains(wanted)), "{said}");
    }
}

#[test]
fn one_setting_chooses_the_parameter_and_the_package_and_a_package_that_does_not_fit_is_refused() {
    let of = |name: &str| Programs::new(name, &[("az", &az("")), ("func", FUNC), ("curl", CURL_OF_SIGN_IN)]);
    let answers = format!("case \"$*\" in *outputs.*) echo named; exit ;; esac\n{}", az(""));
    let programs = Programs::new("sign-in", &[("az", &answers), ("func", FUNC), ("curl", CURL_OF_SIGN_IN)]);
    let programs = programs.for_sign_in();
    let (is_fine, said, called) = programs.run("provision", &[]);
    assert!(is_fine && said.contains("ok       a board needs somebody who is signed in"), "{said}");
    assert!(called.iter().any(|call| call.contains(" signIn=an-application")), "{called:?}");
    assert_eq!(count(&called, "func azure functionapp publish named --custom"), 1, "{called:?}");
    let (is_fine, said, called) = programs.run("provision", &["signIn=another"]);
    assert!(!is_fine && called.is_empty() && said.contains("set BOARDCAST_SIGN_IN"), "{said}");
    // Either without the other.
    let open = of("package-alone").for_sign_in();
    std::fs::remove_file(open.0.join("signs-in")).unwrap();
    let keys = of("parameter-alone");
    std::fs::write(keys.0.join("signs-in"), "").unwrap();
    for (programs, has) in [(open, "the package for sign-in"), (keys, "the package for keys")] {
        let (is_fine, said, called) = programs.deploy();
        assert!(!is_fine && said.contains(has) && said.contains("scripts/provision"), "{said}");
        assert_eq!(count(&called, "func"), 0, "{called:?}");
    }
}

#[test]
fn a_provision_creates_the_secrets_and_the_app_in_that_order_and_a_look_ahead_nothing() {
    let answers = format!("case \"$*\" in *outputs.*) echo named; exit ;; esac\n{}", az(""));
    let programs = Programs::new("provision", &[("az", &answers), ("func", FUNC), ("curl", CURL)]);
    let (is_fine, said, called) = programs.run("provision", &["what-if"]);
    assert!(is_fine && called.len() == 2 && called[1].starts_with("az deployment sub what-if"), "{said}");
    assert!(!called[1].contains("budgetStart"), "{called:?}");
    for wrong in ["--help", "whatif", "hostingPlan"] {
        let (is_fine, said, called) = programs.run("provision", &[wrong]);
        assert!(!is_fine && called.is_empty() && said.contains(wrong), "{said}");
    }
    // The budget keeps the day on which it began.
    let budget = "case \"$*\" in *budgets*) echo 2026-01-01T00:00:00Z; exit ;; esac";
    let later =
        Programs::new("later", &[("az", &format!("{budget}\n{answers}")), ("func", FUNC), ("curl", CURL)]);
    let (_, _, called) = later.run("provision", &["what-if"]);
    assert!(called[1].contains(" budgetStart=2026-01-01"), "{called:?}");
    let (is_fine, said, called) = programs.run("provision", &["hostingPlan=dedicated"]);
    assert!(is_fine, "{said}");
    let created = called.iter().position(|call| call.starts_with("az deployment sub create")).expect(&said);
    assert!(
        called[created].contains("projects=Website,Fabrikam Fiber signIn= hostingPlan=dedicated"),
        "{called:?}"
    );
    let secrets = called.iter().position(|call| call.starts_with("az keyvault secret set")).expect(&said);
    let looked_up = called.iter().position(|call| call.contains("configreferences")).expect(&said);
    assert!(created < secrets && secrets < looked_up, "{called:?}");
    // The function has the key that the vault has, once it is there.
    let position = |beginning: &str| called.iter().position(|call| call.starts_with(beginning)).expect(&said);
    let (published, read, given) = (
        position("func azure functionapp publish"),
        position("az keyvault secret download --vault-name named --name webhook-key"),
        position(
            "az functionapp function keys set --resource-group named --name named --function-name WorkItemWebhook --key-name hooks",
        ),
    );
    assert!(published < read && read < given, "{called:?}");
    assert!(called[given].contains(" --key-value @/"), "it is shown: {}", called[given]);
}
