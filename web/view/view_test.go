package view

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ruche/storage"
)

const hostile = `<script>alert("x")</script>`

// everyPage gives each page empty data, and data with a hostile text in every field.
func everyPage() map[string][]any {
	post := PostView{Author: hostile, Handle: hostile, Profile: "/@x", At: time.Now(), Edited: true, Warning: hostile, Body: template.HTML("<p>hello</p>"),
		Pictures: []Picture{{"/media/x", hostile}}, Films: []Film{{"/media/y", hostile, true}, {"/media/z", hostile, false}}, Files: []FileLink{{hostile, hostile, hostile}}, Seen: "seen.public", Link: "/@x/1", SharedBy: hostile,
		ID: "1", Visibility: "public", Circle: "network", Department: hostile, Mine: true, MayShare: true, MayPick: true, CSRF: hostile, Return: hostile}
	form := &Compose{Text: hostile, Warning: hostile, Visibility: "public", Circle: "network", Circles: []string{"network", "node"}, Answer: "1", Error: hostile}
	person := PersonCard{ID: "1", Name: hostile, Handle: hostile, Profile: "/@x", Department: hostile, Official: true, FollowsMe: true, AsksMe: true, CSRF: hostile, Return: hostile}
	outcome := Outcome{Done: "saved", Why: "other", Detail: hostile}
	now := time.Now()
	peer := &storage.Peer{Host: hostile, Tier: "partner", State: "blocked", Reason: "admin", Contact: hostile, Note: hostile, EndsAt: now, Via: hostile, Software: hostile, Fingerprint: hostile,
		HeldFingerprint: hostile, TheirState: "active", PurgeAt: now, PurgeBeganAt: now, PurgeTotal: 9, Organisation: hostile}
	line := PeerLine{Peer: peer, Measure: &storage.PeerMeasure{Health: storage.Health{LastError: hostile}, Waiting: 1, Since: now}, Trouble: "trouble.other", ErrorRate: 3, RoundTrip: -1}
	plain := PeerLine{Peer: &storage.Peer{Host: "labo.test", State: "active"}, Measure: &storage.PeerMeasure{}}
	offer := &Offer{Host: hostile, URI: hostile, Name: hostile, Key: hostile, Members: [][2]string{{hostile, hostile}}}
	accused := &storage.Account{Username: hostile, Peer: "labo.test", Domain: hostile}
	report := ReportLine{Report: &storage.Report{ID: 1, Category: "spam", Comment: hostile, Posts: []int64{1}, Forwarded: true, CreatedAt: now}, Target: accused, Reporter: hostile, Assigned: hostile}
	word := ReportLine{Report: &storage.Report{ID: 2, Category: "other", Comment: hostile, CreatedAt: now}, Target: accused}
	strikes := []StrikeLine{{&storage.Strike{ID: 1, Measure: "warn", Text: hostile, ReportID: 1, AppealedAt: now, Appeal: hostile}, accused, hostile, "", true}, {&storage.Strike{Measure: "limit", AppealedAt: now, DecidedAt: now, Granted: true}, accused, "", hostile, false},
		{&storage.Strike{Measure: "freeze", AppealedAt: now, DecidedAt: now}, accused, "", "", false}}
	quiet := PostView{Author: "a", Seen: "seen.node", Sensitive: true, Films: []Film{{"/media/y", hostile, true}}}
	return map[string][]any{
		"step": {Step{}, Step{Title: hostile, Lead: hostile, Error: hostile, Action: "/auth/reset", Button: hostile, Hidden: map[string]string{"token": hostile}, Fields: []StepField{{Name: hostile, Label: hostile, Type: "text", Autocomplete: "off", Min: 1, Max: 2, Value: hostile, Hint: hostile}, {Name: "b", Label: "b", Value: hostile, Rows: 3, Optional: true}},
			Picture: "data:image/png;base64,AAAA", PictureText: hostile, Codes: []string{hostile}, Link: "/auth/account", LinkText: hostile}},
		"signin":  {SignIn{}, SignIn{Action: "/auth/sign_in", Forgot: "/auth/forgot", Join: "/auth/join", Login: hostile, Error: hostile, App: hostile, ReturnTo: hostile}},
		"consent": {Consent{}, Consent{Action: "/oauth/authorize", App: hostile, Website: hostile, Target: hostile, Grants: []Grant{{"scope.read"}}, Account: "@ana", Fields: map[string]string{"client_id": hostile}, SignOut: "/x", Redirect: "https://client.example"}},
		"code":    {Code{}, Code{hostile, hostile}},
		"error":   {Failure{}, Failure{404, hostile, hostile, hostile}},
		"landing": {Landing{}, Landing{hostile, []string{hostile}, []HouseText{{"about", hostile}, {"terms", hostile}, {"privacy", hostile}}}},
		"account": {Account{}, Account{Name: hostile, Handle: hostile, Department: hostile, Server: hostile, Apps: []AppLine{{"1", hostile, time.Now(), hostile}}, SignIns: []SignInLine{{At: time.Now(), What: "signins.read", App: hostile, Address: hostile, Reader: hostile, Why: hostile}}, Saved: hostile, Error: hostile,
			Browsers: []BrowserLine{{hostile, hostile, hostile, time.Now(), false}, {"1", "", "", time.Now(), true}}, MayMail: true, Email: hostile, PendingEmail: hostile, Factor: true, CodesLeft: 3}},
		"post": {Post{Here: []PostView{quiet}}, Post{Before: []PostView{post}, Here: []PostView{post}, After: []PostView{post}, NotAbove: []string{"missing.above.gone"}, NotBelow: []string{"missing.below.not_linked"}, Compose: form}},
		"timeline": {Timeline{Which: "home", Compose: form}, Timeline{Which: "entity"}, Timeline{Which: "network"}, Timeline{Which: "compose", Compose: form},
			Timeline{Which: "tag", Tag: hostile, Posts: []PostView{post, quiet, {Author: "a", Seen: "seen.node", Unshown: true}}, Older: "/tags/x?max_id=1"}},
		"people":        {People{}, People{Query: hostile}, People{Query: hostile, People: []PersonCard{person, {Following: true, CSRF: "x"}, {Requested: true, CSRF: "x"}}}},
		"notifications": {Notifications{}, Notifications{Lines: []NotificationLine{{"notice.like", person, time.Now(), &post, ""}, {"notice.follow", person, time.Now(), nil, ""}, {"notice.warning", person, time.Now(), nil, "/auth/warnings"}, {"notice.report", person, time.Now(), nil, "/admin/reports/1"}}, Older: "/x"}},
		"charter":       {Charter{}, Charter{hostile, hostile, hostile, true}},
		"adminsettings": {AdminSettings{}, AdminSettings{Outcome: outcome, Settings: []SettingLine{{"site_name", hostile, false}, {"rules", hostile, true}}}},
		"adminjobs":     {AdminJobs{}, AdminJobs{Outcome: outcome, Host: hostile, Older: "/admin/jobs?before=1", Ended: []*storage.Job{{Kind: "deliver", Host: hostile, Error: hostile}}, Queue: []storage.QueueDepth{{Kind: hostile, Host: hostile, State: "held"}}}},
		"adminaccounts": {AdminAccounts{}, AdminAccounts{Outcome: outcome, Query: hostile, May: true, Accounts: []AccountLine{{&storage.Account{Username: hostile, DisplayName: hostile, Department: hostile}, "owner", "active"}}, Roles: storage.Roles, Typed: NewAccount{hostile, hostile, hostile, hostile}, Made: hostile, Password: hostile}},
		"adminaccount": {AdminAccount{AccountLine: AccountLine{&storage.Account{}, "member", "suspended"}, MayModerate: true, MayDelete: true, Lasting: []string{"suspend", "limit"}}, AdminAccount{Outcome: outcome, AccountLine: AccountLine{&storage.Account{Username: hostile, DisplayName: hostile, Department: hostile}, "owner", "active"},
			Roles: storage.Roles, MayGive: true, MayModerate: true, Link: hostile, Measures: storage.Measures, Strikes: strikes, Open: 2}},
		"adminreports": {AdminReports{}, AdminReports{Outcome: outcome, State: "open", Whose: "mine", Target: hostile, Host: hostile, States: []string{"open", "closed", "all"}, Whoses: []string{"all", "mine", "unassigned"}, Reports: []ReportLine{report, word}, Older: "/admin/reports?before=1"}},
		"adminreport": {AdminReport{ReportLine: word, Account: "/admin/accounts/x"}, AdminReport{ReportLine: ReportLine{Report: &storage.Report{ID: 1, ClosedAt: now}, Target: report.Target}, ClosedBy: hostile, Gone: 1},
			AdminReport{Outcome: outcome, ReportLine: report, Rules: []string{hostile}, Others: 2, Posts: []PostView{post}, Notes: []NoteLine{{hostile, hostile, now}, {"", hostile, now}}, Strikes: strikes, MayModerate: true, Mine: true, Measures: storage.Measures, Account: "/admin/accounts/x",
				History: []AuditLine{{&storage.AuditRecord{At: now, Action: "report.note", By: storage.AuditBy{Name: hostile}}, "", nil, false, false}, {&storage.AuditRecord{Actor: "cli", Action: "report.assign"}, "", nil, false, false}, {&storage.AuditRecord{}, "", nil, true, true}}}},
		"adminappeals":  {AdminAppeals{}, AdminAppeals{Outcome: outcome, Waiting: strikes, Decided: strikes, Older: "/admin/appeals?before=1"}},
		"adminkeywords": {AdminKeywords{}, AdminKeywords{Outcome: outcome, Words: hostile, Most: 200}},
		"admininviting": {AdminInviting{}, AdminInviting{Outcome: outcome, Link: hostile, Until: now, Roles: storage.Roles, Typed: NewInvite{"guest", hostile, hostile, 1, 7}, Invited: []InviteLine{{&storage.PersonInvitation{Note: hostile, Role: "guest"}, "open", hostile}}}},
		"adminannouncements": {AdminAnnouncements{}, AdminAnnouncements{Outcome: outcome, Typed: NewAnnouncement{hostile, hostile, hostile}, Most: 5000, Older: "/admin/announcements?before=1",
			Announcements: []AnnouncementLine{{&storage.Announcement{ID: 1, Text: hostile, PublishedAt: now, Reactions: []storage.Reaction{{Name: "🐝", Count: 2}}}, "shown", "2026-01-05T08:00", hostile}, {&storage.Announcement{Text: hostile, EndsAt: now}, "over", "", ""}}}},
		"adminwaiting": {AdminWaiting{}, AdminWaiting{Outcome: outcome, Waiting: []*storage.SignUp{{Username: hostile, DisplayName: hostile, Reason: hostile}}, Older: "/admin/people/waiting?before=1"}},
		"adminpeers":   {AdminPeers{}, AdminPeers{Outcome: outcome, Peers: []PeerLine{line, plain}, May: true, Host: hostile}},
		"adminpeer": {AdminPeer{PeerLine: plain}, AdminPeer{PeerLine: plain, May: true}, AdminPeer{Outcome: outcome, PeerLine: line, May: true, Rights: []RightLine{{"posts", true, false}}, EndsOn: "2040-01-01", AccountDomains: hostile, MediaHosts: hostile,
			Weeks: []storage.Traffic{{Week: "2026-01-05"}}, Events: []*storage.PeerEvent{{Kind: "linked", Detail: hostile, At: now}}, Ended: []*storage.Job{{Error: hostile}}, Tried: []TriedLine{{"ping", "silent", hostile, false}, {"listed", "", hostile, true}}, Compare: true, PurgePercent: 5}},
		"admincode": {AdminCode{}, AdminCode{Outcome: outcome, Host: hostile, Code: hostile, Ours: hostile, Theirs: hostile, Until: now, State: "compare"}, AdminCode{State: "wait", Code: "1"}},
		"admininvitations": {AdminInvitations{}, AdminInvitations{Outcome: outcome, Link: hostile, QR: "data:image/svg+xml;base64,AAAA", Until: now, Keeps: true, Typed: hostile, Asked: []string{hostile},
			Invited: []InvitationLine{{&storage.Invitation{ID: hostile, Note: hostile, UsedBy: hostile}, "open"}}}},
		"adminlists":        {AdminLists{}, AdminLists{Outcome: outcome, Shown: true, Rehearsal: true, Steps: []ListStep{{"add", hostile, "active"}}, Problems: []ListProblem{{1, hostile, hostile}}}},
		"adminorganisation": {AdminOrganisation{}, AdminOrganisation{Outcome: outcome, Organisations: []OrganisationLine{{&storage.Organisation{Name: hostile, URI: hostile, Role: "keeper", Error: hostile}, []*storage.Peer{peer}}, {&storage.Organisation{Role: "member"}, nil}}, Offer: offer}},
		"adminaudit": {AdminAudit{}, AdminAudit{Outcome: outcome, Actor: hostile, Action: "peer", Actions: []string{"peer"}, Subject: hostile, Older: "/admin/audit?before=1", Verified: &storage.AuditReport{Wrong: 1, Faults: []storage.AuditFault{{Number: 1, What: hostile}}},
			Entries: []AuditLine{{&storage.AuditRecord{Number: 1, At: now, Action: "peer.block", Subject: hostile, Facts: hostile, By: storage.AuditBy{Name: hostile, Role: "owner", Address: hostile, App: hostile}, About: storage.AuditAbout{Name: hostile, Why: hostile}}, hostile, []Change{{hostile, hostile, hostile}}, true, true}}},
			AdminAudit{Verified: &storage.AuditReport{}}},
		"warnings": {Warnings{Account: &storage.Account{}}, Warnings{Account: &storage.Account{SuspendedAt: now}, Refused: true, Appealed: true, Strikes: []WarningLine{{&storage.Strike{Measure: "warn", Text: hostile, Posts: []int64{1}}, true},
			{&storage.Strike{Measure: "limit", AppealedAt: now, Appeal: hostile}, false}, {&storage.Strike{Measure: "freeze", AppealedAt: now, DecidedAt: now, Granted: true}, false}, {&storage.Strike{Measure: "suspend"}, false}}}},
		"profile": {Profile{}, Profile{Person: person, Bio: "<p>x</p>", Fields: []ProfileField{{hostile, "x"}}, Posts: []PostView{post, quiet}}},
	}
}

func TestEveryPageIsShownInBothLanguagesAndRunsNothing(t *testing.T) {
	v, err := New()
	if err != nil {
		t.Fatal(err)
	}
	pages := everyPage()
	for name := range v.pages {
		if pages[name] == nil {
			t.Errorf("page %s isn't tried here", name)
		}
	}
	for name, cases := range pages {
		for _, locale := range Locales {
			for _, data := range cases {
				w := httptest.NewRecorder()
				err := v.Render(w, http.StatusOK, name, Site{Name: hostile, Domain: "siege.test"}, Request{Locale: locale, SignedIn: hostile, CSRF: hostile, Console: Console}, data)
				if err != nil {
					t.Errorf("%s in %s: %v", name, locale, err)
					continue
				}
				body := w.Body.String()
				if key := regexp.MustCompile(`>\s*(?:nav|lead|empty|will|circle|visibility|notice|act|seen|compose|missing|console|peers?|accounts|settings?|jobs|charter|invite|lists|org|audit|code|warnings|measure|reports?|appeals|keywords|strike|category)\.[a-z.]+\s*<`).FindString(body); key != "" {
					t.Errorf("%s in %s says a key: %s", name, locale, key)
				}
				if strings.Contains(body, "<script") {
					t.Errorf("%s in %s runs what it was given", name, locale)
				}
				if !strings.Contains(body, `<html lang="`+locale+`"`) || !strings.Contains(body, "<h1") {
					t.Errorf("%s in %s has no language or no heading", name, locale)
				}
				if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
					t.Errorf("%s: policy %q", name, policy)
				}
				if address := regexp.MustCompile(`(?:src|href)="(?:https?:)?//[^"]*"`).FindString(body); address != "" {
					t.Errorf("%s loads or leads elsewhere: %s", name, address)
				}
			}
		}
	}
}

func TestTheConsentFormMayLeadToItsApplicationOnly(t *testing.T) {
	v, err := New()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := v.Render(w, 200, "consent", Site{}, Request{Locale: "en"}, Consent{Redirect: "https://client.example"}); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' https://client.example;") {
		t.Errorf("policy %q", got)
	}
}

func TestBothCataloguesSayTheSameThings(t *testing.T) {
	v, err := New()
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, en := range v.messages["en"] {
		fr, ok := v.messages["fr"][key]
		if !ok {
			t.Errorf("%s isn't said in French", key)
		}
		if a, b := strings.Join(verbs.FindAllString(en, -1), ""), strings.Join(verbs.FindAllString(fr, -1), ""); a != b {
			t.Errorf("%s takes %q in English and %q in French", key, a, b)
		}
	}
	for key := range v.messages["fr"] {
		if _, ok := v.messages["en"][key]; !ok {
			t.Errorf("%s isn't said in English", key)
		}
	}
	entries, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		body, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range regexp.MustCompile(`\{\{ ?t "([a-z0-9.]+)"`).FindAllStringSubmatch(string(body), -1) {
			if _, ok := v.messages["en"][used[1]]; !ok {
				t.Errorf("%s says %s, which is in no catalogue", e.Name(), used[1])
			}
		}
	}
}

func TestTheLanguageIsTheReadersChoice(t *testing.T) {
	for name, tc := range map[string]struct{ url, cookie, header, site, want string }{
		"asked for in the address": {"/?lang=fr", "en", "en", "en", "fr"},
		"chosen before":            {"/", "fr", "en", "en", "fr"},
		"the browser's":            {"/", "", "fr-CA,fr;q=0.9,en;q=0.5", "en", "fr"},
		"neither: the site's":      {"/", "", "ja", "fr", "fr"},
		"nothing said":             {"/", "", "", "", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, tc.url, nil)
		if tc.cookie != "" {
			r.AddCookie(&http.Cookie{Name: LocaleCookie, Value: tc.cookie})
		}
		r.Header.Set("Accept-Language", tc.header)
		if got := Locale(r, tc.site); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestAnyColourLeavesTextsReadable(t *testing.T) {
	sheet := regexp.MustCompile(`--honey: (#[0-9a-f]{6}); --on: (#[0-9a-f]{6}); --deep: (#[0-9a-f]{6}); }\n.*--deep: (#[0-9a-f]{6})`)
	for _, colour := range []string{"1d4ed8", "ffff00", "000000", "ffffff", "808080", "00ff00", "f0a92b"} {
		w := httptest.NewRecorder()
		Theme(w, httptest.NewRequest(http.MethodGet, "/theme/"+colour+".css", nil))
		m := sheet.FindStringSubmatch(w.Body.String())
		if m == nil {
			t.Errorf("%s: %d %s", colour, w.Code, w.Body)
			continue
		}
		parse := func(s string) rgb {
			n, _ := strconv.ParseUint(s[1:], 16, 32)
			return rgb{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
		}
		for what, pair := range map[string][2]string{"on it": {m[2], m[1]}, "in light": {m[3], "#faf7f1"}, "in the dark": {m[4], "#38414c"}} {
			if got := contrast(parse(pair[0]), parse(pair[1])); got < 4.4 {
				t.Errorf("%s: %s on %s has the contrast %.2f %s", colour, pair[0], pair[1], got, what)
			}
		}
	}
	for _, path := range []string{"/theme/red.css", "/theme/1d4ed8", "/theme/+d4ed8.css", "/theme/1d4ed8ff.css"} {
		w := httptest.NewRecorder()
		if Theme(w, httptest.NewRequest(http.MethodGet, path, nil)); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, w.Code)
		}
	}
}

// The words of storage and peering that pages show by their family are said in both languages.
func TestEveryWordOfTheConsoleIsSaid(t *testing.T) {
	v, err := New()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string][]string{
		"state": {storage.PeerInvited, storage.PeerAwaiting, storage.PeerActive, storage.PeerSuspended, storage.PeerExpired, storage.PeerBlocked},
		"role":  storage.Roles, "right": storage.AllRights.Names(), "tier": {storage.Sibling, storage.Partner},
		"job":   {storage.JobReady, storage.JobHeld, storage.JobBehind, storage.JobRunning, storage.JobParked, storage.JobBuried, storage.JobExpired},
		"event": {storage.EventWarned, storage.EventExpired, storage.EventAnswered, storage.EventLinked, storage.EventRefused, storage.EventKeyHeld, storage.EventKeyChanged, storage.EventTheyChanged, storage.EventTheyEnded, storage.EventJoined, storage.EventLeft, storage.EventPurgeBegan, storage.EventPurged},
	}
	for _, c := range storage.Choices {
		families["setting"] = append(families["setting"], c.Name)
	}
	for _, s := range Console {
		families["console"] = append(families["console"], s.Name)
	}
	for family, words := range families {
		for _, word := range words {
			for _, locale := range Locales {
				if _, ok := v.messages[locale][family+"."+word]; !ok {
					t.Errorf("%s.%s isn't said in %s", family, word, locale)
				}
			}
		}
	}
}
