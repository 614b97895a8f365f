//! What the work of each team is called.

use super::process::ItemRank;

/// The titles that a team draws from. Within one sprint none comes twice.
#[derive(Debug, PartialEq, Eq)]
pub struct Titles {
    /// Its epic.
    pub epic: &'static str,
    /// Its feature.
    pub feature: &'static str,
    /// Its stories, each with what its tasks call it.
    stories: [(&'static str, &'static str); 24],
    bugs: [&'static str; 16],
}

/// What is done for a story; `{}` stands for the story.
const TASKS: [&str; 8] = [
    "Add the API endpoint for {}",
    "Write end-to-end tests for {}",
    "Design the screens for {}",
    "Roll out {} behind a feature flag",
    "Add telemetry to {}",
    "Update the user guide for {}",
    "Review the error messages of {}",
    "Load-test {}",
];

impl Titles {
    /// The title of a story; numbers start over.
    pub fn story(&self, number: usize) -> &'static str {
        self.entry(number).0
    }

    /// The title of a bug; numbers start over.
    pub fn bug(&self, number: usize) -> &'static str {
        self.bugs.get(number % self.bugs.len()).copied().unwrap_or_default()
    }

    /// The title of a task of a story; numbers start over.
    pub fn task(&self, story: usize, number: usize) -> String {
        let pattern = TASKS.get(number % TASKS.len()).copied().unwrap_or_default();
        pattern.replace("{}", self.entry(story).1)
    }

    /// A title for a new item that no other item has, as long as there is one; for a task, one that goes with its
    /// parent's.
    pub fn unused(&self, level: ItemRank, parent: Option<&str>, number: usize, used: &[&str]) -> String {
        let is_free = |title: &String| !used.iter().any(|used| used.starts_with(title.as_str()));
        let story =
            parent.and_then(|parent| self.stories.iter().position(|(title, _)| parent.starts_with(title)));
        let story = story.unwrap_or(number);
        let title = |number: usize| match level {
            ItemRank::Bug => self.bug(number).to_owned(),
            ItemRank::Task => self.task(story, number),
            ItemRank::Epic | ItemRank::Feature | ItemRank::Requirement => self.story(number).to_owned(),
        };
        let mut titles = (number..number + self.stories.len()).map(&title);
        titles.find(is_free).unwrap_or_else(|| format!("{} (continued)", title(number)))
    }

    fn entry(&self, number: usize) -> (&'static str, &'static str) {
        self.stories.get(number % self.stories.len()).copied().unwrap_or_default()
    }
}

/// The title after somebody made it more precise, or took that back.
pub(crate) fn reworded(level: ItemRank, title: &str) -> String {
    let addition = match level {
        ItemRank::Bug => " (intermittent)",
        ItemRank::Task => " (pairing)",
        ItemRank::Epic | ItemRank::Feature | ItemRank::Requirement => " – first version",
    };
    title.strip_suffix(addition).map_or_else(|| format!("{title}{addition}"), str::to_owned)
}

/// The titles of the team Web of Fabrikam Fiber, which sells internet access.
pub(crate) static WEB: Titles = Titles {
    epic: "Customers serve themselves",
    feature: "Customer portal",
    stories: [
        ("Sign in with a passkey", "passkey sign-in"),
        ("Download invoices as PDF", "the invoice download"),
        ("Check availability by address", "the availability check"),
        ("Show the technician's arrival time", "technician tracking"),
        ("Change the plan without calling support", "plan changes"),
        ("Pay an open invoice by card", "card payments"),
        ("Search the help centre", "help search"),
        ("Reschedule an installation appointment", "rescheduling"),
        ("Show outages on a map", "the outage map"),
        ("Save a half-finished order", "saved orders"),
        ("Remember the visitor's language", "the language choice"),
        ("Compare plans side by side", "the plan comparison"),
        ("Send the order confirmation by email", "order confirmations"),
        ("Cancel a contract online", "online cancellation"),
        ("Verify a new email address", "email verification"),
        ("Show data usage per month", "the usage chart"),
        ("Add a second contact to an account", "secondary contacts"),
        ("Apply a voucher at checkout", "vouchers"),
        ("Track a router in transit", "shipment tracking"),
        ("Run a speed test from the portal", "the speed test"),
        ("Dark theme for the customer portal", "the dark theme"),
        ("Keep the basket across devices", "the shared basket"),
        ("Ask for consent before analytics", "the consent banner"),
        ("Export invoices for the tax year", "the invoice export"),
    ],
    bugs: [
        "Checkout button stays disabled after an address correction",
        "Voucher is applied twice when the page is reloaded",
        "Invoice PDF shows the previous address",
        "Availability check fails for house numbers with letters",
        "Customers are signed out while a payment is confirmed",
        "Search results ignore umlauts",
        "Outage map does not load behind a corporate proxy",
        "Order confirmation is sent in the wrong language",
        "Calendar offers appointments on public holidays",
        "Plan comparison overflows on small screens",
        "Password reset link expires too early",
        "Usage chart is empty on the first day of the month",
        "Back button loses the chosen plan",
        "Card payment fails with 3-D Secure on Safari",
        "Prices are rounded differently in basket and invoice",
        "Consent banner covers the chat button",
    ],
};

/// The titles of the team Mobile Apps of Fabrikam Fiber.
pub(crate) static MOBILE: Titles = Titles {
    epic: "Field service without paper",
    feature: "Technician app",
    stories: [
        ("Unlock the app with fingerprint or face", "biometric unlock"),
        ("Notify technicians of a changed route", "route notifications"),
        ("Take photos of a finished installation", "installation photos"),
        ("Collect the customer's signature on site", "the signature screen"),
        ("Work offline in basements", "offline mode"),
        ("Scan a router's serial number", "the barcode scanner"),
        ("Show today's jobs on a map", "the job map"),
        ("Call the customer from the job card", "the call button"),
        ("Report missing parts from the van", "parts reporting"),
        ("Remind customers of an appointment", "appointment reminders"),
        ("Measure signal strength room by room", "the signal meter"),
        ("Restart the router from the app", "the remote restart"),
        ("Pay with Apple Pay and Google Pay", "wallet payments"),
        ("Invite family members to an account", "family accounts"),
        ("Guide customers through self-installation", "the installation guide"),
        ("Support large text sizes", "large text"),
        ("Show the next bill on the home screen", "the bill widget"),
        ("Chat with support in the app", "the support chat"),
        ("Log the time spent on each job", "time tracking"),
        ("Sync jobs in the background", "background sync"),
        ("Download maps only over Wi-Fi", "map downloads"),
        ("Set up guest Wi-Fi with a QR code", "guest Wi-Fi"),
        ("Pause the internet for a child's device", "device pausing"),
        ("Rate a technician's visit", "visit ratings"),
    ],
    bugs: [
        "App crashes when the camera permission is revoked",
        "Push notifications arrive twice on Android",
        "Signature is cut off in landscape",
        "Job list jumps to the top after each sync",
        "Photos are uploaded without their orientation",
        "Offline changes are lost after an update",
        "Scanner does not focus on small labels",
        "Map shows yesterday's jobs after midnight",
        "Dark mode makes the signal meter unreadable",
        "Sign-in loops when the device's clock is wrong",
        "Battery drains while waiting for a location",
        "Appointment reminder uses the wrong time zone",
        "Chat keyboard hides the send button",
        "Guest Wi-Fi QR code fails with special characters",
        "Widget shows the bill of the previous account",
        "Deep links open the browser instead of the app",
    ],
};

/// The titles of the team Clinic of Contoso Clinic.
pub(crate) static CLINIC: Titles = Titles {
    epic: "A clinic without paper",
    feature: "Patient portal",
    stories: [
        ("Book a follow-up appointment online", "online booking"),
        ("Send referral letters electronically", "referral letters"),
        ("Show allergies on every prescription", "allergy warnings"),
        ("Check in with the insurance card", "card check-in"),
        ("Remind patients of a vaccination", "vaccination reminders"),
        ("Show waiting times in the lobby", "the lobby screen"),
        ("Renew a repeat prescription", "repeat prescriptions"),
        ("Share lab results with the patient", "lab results"),
        ("Record consent to data sharing", "consent records"),
        ("Plan the consulting rooms of a day", "the room plan"),
        ("Import results from the new analyser", "the analyser import"),
        ("Hold video consultations", "video consultations"),
        ("Export the billing file for insurers", "the billing export"),
        ("Warn of interactions between drugs", "the interaction check"),
        ("Show the medication plan as a timeline", "the medication timeline"),
        ("Hand over a case between shifts", "shift handover"),
        ("Find patients by phone number", "patient search"),
        ("Print a sick note", "sick notes"),
        ("Merge duplicate patient records", "record merging"),
        ("Log every access to a patient record", "the access log"),
        ("Translate the intake form", "the intake form"),
        ("Reorder supplies below minimum stock", "supply orders"),
        ("Keep appointment slots free for emergencies", "emergency slots"),
        ("Attach documents to a patient record", "attachments"),
    ],
    bugs: [
        "Double booking when two receptionists save at once",
        "Lab values lose their unit on export",
        "Waiting list ignores cancelled appointments",
        "Date of birth is off by one day in the intake form",
        "Prescription prints on two pages",
        "Video call drops after 40 minutes",
        "Search finds merged records twice",
        "Sick note shows the clinic's old address",
        "Allergy warning disappears after a refresh",
        "Insurance card reader needs a restart every morning",
        "Billing export fails for patients without an insurer",
        "Reminder is sent to patients who have moved away",
        "Room plan cannot be printed in landscape",
        "Access log shows local time without a zone",
        "Attachments above 10 MB fail without a message",
        "Vaccination due date ignores leap years",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_has_no_title_twice() {
        for titles in [&WEB, &MOBILE, &CLINIC] {
            let stories = (0..titles.stories.len()).map(|number| titles.story(number).to_owned());
            let bugs = (0..titles.bugs.len()).map(|number| titles.bug(number).to_owned());
            let tasks = (0..titles.stories.len())
                .flat_map(|story| (0..TASKS.len()).map(move |number| titles.task(story, number)));
            let all: Vec<String> = stories.chain(bugs).chain(tasks).collect();
            for (index, title) in all.iter().enumerate() {
                let alike = all.iter().skip(index + 1).find(|other| {
                    // What is reworded begins with the title that it had.
                    other.starts_with(title.as_str()) || title.starts_with(other.as_str())
                });
                assert_eq!(alike, None, "{title}");
            }
        }
    }

    #[test]
    fn a_new_title_is_one_that_nobody_has_and_goes_with_the_parent() {
        let used = [WEB.story(3), "Check availability by address – first version"];
        assert_eq!(WEB.unused(ItemRank::Requirement, None, 2, &used), WEB.story(4));
        let task = WEB.unused(ItemRank::Task, Some("Show outages on a map – first version"), 1, &[]);
        assert_eq!(task, "Write end-to-end tests for the outage map");
        let all: Vec<&str> = (0..16).map(|number| WEB.bug(number)).collect();
        assert_eq!(WEB.unused(ItemRank::Bug, None, 0, &all), format!("{} (continued)", WEB.bug(0)));
    }

    #[test]
    fn rewording_twice_restores_a_title() {
        for level in [ItemRank::Requirement, ItemRank::Bug, ItemRank::Task] {
            let once = reworded(level, "Print a sick note");
            assert_ne!(once, "Print a sick note");
            assert_eq!(reworded(level, &once), "Print a sick note");
        }
    }
}
