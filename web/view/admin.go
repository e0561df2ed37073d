package view

import (
	"html/template"
	"time"

	"ruche/storage"
)

// This file is the data of the console's pages, for admins and moderators. A peer, an invitation and an entry of
// the audit log are shown as storage has them.

// A Section is one part of the console: who may open it, and where. Its name is the message console.NAME.
type Section struct {
	Name, Path string
	Act        storage.Act
}

// Console lists the sections in the order of their navigation.
var Console = []Section{
	{"peers", "/admin/peers", storage.ActReadPeers},
	{"invitations", "/admin/invitations", storage.ActPeers},
	{"organisation", "/admin/organisation", storage.ActPeers},
	{"accounts", "/admin/accounts", storage.ActReadAccounts},
	{"reports", "/admin/reports", storage.ActReadReports},
	{"appeals", "/admin/appeals", storage.ActDecideAppeals},
	{"keywords", "/admin/keywords", storage.ActKeywords},
	{"inviting", "/admin/people/invitations", storage.ActInvite},
	{"waiting", "/admin/people/waiting", storage.ActApproveAccounts},
	{"announcements", "/admin/announcements", storage.ActAnnounce},
	{"settings", "/admin/settings", storage.ActSettings},
	{"jobs", "/admin/jobs", storage.ActPeers},
	{"audit", "/admin/audit", storage.ActReadAudit},
}

// An Outcome is what became of the form that led to a page: message keys done.DONE and why.WHY, and a detail
// for those who look into it.
type Outcome struct{ Done, Why, Detail string }

// A PeerLine is a peer and how the link with it is.
type PeerLine struct {
	Peer    *storage.Peer
	Measure *storage.PeerMeasure
	Recent  storage.Traffic // of this week and the last
	// ErrorRate is how many of a hundred tries failed lately, RoundTrip how long a delivery takes in
	// milliseconds; -1: none was made.
	ErrorRate, RoundTrip int64
	Trouble              string // message key: the last error in words; empty: it answers
}

// AdminPeers is the data of page "adminpeers".
type AdminPeers struct {
	Outcome
	Peers []PeerLine
	May   bool // change something
	Host  string
}

// A RightLine is what may cross: message key right.NAME.
type RightLine struct {
	Name    string
	In, Out bool
}

// A TriedLine is a step of testing a link: message keys step.STEP and test.CODE.
type TriedLine struct {
	Step, Code, Said string
	OK               bool
}

// AdminPeer is the data of page "adminpeer".
type AdminPeer struct {
	Outcome
	PeerLine
	May                        bool
	Rights                     []RightLine
	EndsOn                     string // the last day, YYYY-MM-DD
	AccountDomains, MediaHosts string
	Total                      storage.Traffic
	Weeks                      []storage.Traffic // the last twelve
	Events                     []*storage.PeerEvent
	Ended                      []*storage.Job // what was given up lately
	Tried                      []TriedLine
	Compare                    bool // there is a code to compare
	PurgePercent               int
	Key                        string // fingerprint, in groups
}

// AdminCode is the data of page "admincode": the code that two admins compare.
type AdminCode struct {
	Outcome
	Host, Code, Ours, Theirs string
	Until                    time.Time
	State                    string // message key code.STATE: compare, wait, unfinished, expired, confirmed, refused
}

// An InvitationLine is an invitation and what became of it: message key invitation.STATE.
type InvitationLine struct {
	*storage.Invitation
	State string
}

// AdminInvitations is the data of page "admininvitations".
type AdminInvitations struct {
	Outcome
	Link    string // of the invitation that was just made: it is shown once
	QR      template.URL
	Until   time.Time
	Keeps   bool // this node keeps an organisation, which it may invite to join
	Typed   string
	Asked   []string // hosts with which a code is to be compared
	Invited []InvitationLine
}

// AdminLists is the data of page "adminlists": lists in Mastodon's form.
type AdminLists struct {
	Outcome
	Shown, Rehearsal bool
	Steps            []ListStep
	Problems         []ListProblem
}

// A ListStep is what a list changes: message keys plan.WHAT and state.STATE.
type ListStep struct{ What, Host, State string }

// A ListProblem is a row that can't be used.
type ListProblem struct {
	Line      int
	Host, Why string
}

// An OrganisationLine is an organisation and the peers that its list brought.
type OrganisationLine struct {
	*storage.Organisation
	Members []*storage.Peer
}

// An Offer is what another organisation says of itself, before it is accepted.
type Offer struct {
	Host, URI, Name, Key string
	Members              [][2]string // host, name
}

// AdminOrganisation is the data of page "adminorganisation".
type AdminOrganisation struct {
	Outcome
	Organisations []OrganisationLine
	Belongs       bool // this node keeps one or is on its list
	Offer         *Offer
}

// A Change is a field of an entry's subject before and after.
type Change struct{ Name, Before, After string }

// An AuditLine is an entry of the audit log: message key action.ACTION, where there is one.
type AuditLine struct {
	*storage.AuditRecord
	Label                   string // what it is about, in a word that people know
	Changes                 []Change
	ErasedBy, ErasedSubject bool
}

// AdminAudit is the data of page "adminaudit".
type AdminAudit struct {
	Outcome
	Actor, Action, Subject, From, Until string // what was filtered by
	Actions                             []string
	Entries                             []AuditLine
	Older                               string
	Verified                            *storage.AuditReport
}

// A SettingLine is something that admins choose: message key setting.NAME.
type SettingLine struct {
	Name, Value string
	Long        bool // more than a line
}

// AdminSettings is the data of page "adminsettings".
type AdminSettings struct {
	Outcome
	Settings []SettingLine
}

// AdminJobs is the data of page "adminjobs".
type AdminJobs struct {
	Outcome
	Host, Older string
	Ended       []*storage.Job
	Queue       []storage.QueueDepth
}

// A StrikeLine is a measure that was taken, with the names that moderators read: message key measure.MEASURE.
type StrikeLine struct {
	*storage.Strike
	Of        *storage.Account
	By        string // @name; empty: the command line
	DecidedBy string
	May       bool // decide about its appeal
}

// A ReportLine is a complaint in the queue: message key category.CATEGORY.
type ReportLine struct {
	*storage.Report
	Target   *storage.Account
	Reporter string // @name; empty: a word that moderators look out for
	Assigned string // @name; empty: nobody
}

// AdminReports is the data of page "adminreports".
type AdminReports struct {
	Outcome
	State, Whose, Target, Host string // what was narrowed to
	States, Whoses             []string
	Reports                    []ReportLine
	Older                      string
}

// A NoteLine is what a moderator wrote beside a report.
type NoteLine struct {
	By, Text string
	At       time.Time
}

// AdminReport is the data of page "adminreport".
type AdminReport struct {
	Outcome
	ReportLine
	Rules       []string // of the house, that were broken in the reporter's eyes
	Others      int      // other open reports about the same person
	Posts       []PostView
	Gone        int // posts that were deleted since
	Notes       []NoteLine
	Strikes     []StrikeLine
	History     []AuditLine
	MayModerate bool
	Mine        bool // it is assigned to the reader
	Measures    []string
	Account     string // where the person's page is
	ClosedBy    string
}

// AdminAppeals is the data of page "adminappeals".
type AdminAppeals struct {
	Outcome
	Waiting, Decided []StrikeLine
	Older            string
}

// AdminKeywords is the data of page "adminkeywords".
type AdminKeywords struct {
	Outcome
	Words string // a line each
	Most  int
}

// An AccountLine is an account with its role and state: message keys role.ROLE and state.STATE.
type AccountLine struct {
	*storage.Account
	Role, State string
}

// A NewAccount is what was typed for one.
type NewAccount struct{ Username, Email, Name, Department string }

// AdminAccounts is the data of page "adminaccounts".
type AdminAccounts struct {
	Outcome
	Query, Older   string
	May            bool // make accounts
	Accounts       []AccountLine
	Roles          []string // that may be given
	Typed          NewAccount
	Made, Password string // of the account that was just made: shown once
}

// AdminAccount is the data of page "adminaccount".
type AdminAccount struct {
	Outcome
	AccountLine
	Roles                []string
	MayModerate, MayGive bool
	MayDelete            bool     // it is suspended, and the reader may end it for good
	Link                 string   // to choose a new password: shown once
	Measures             []string // that may be taken: message keys measure.MEASURE and measure.MEASURE.act
	Lasting              []string // that are in force, and may be undone
	Strikes              []StrikeLine
	Open                 int // reports about them
}

// An InviteLine is an invitation of people and what became of it: message key invitestate.STATE.
type InviteLine struct {
	*storage.PersonInvitation
	State, By string
}

// A NewInvite is what was typed for one.
type NewInvite struct {
	Role, Note, Communities string
	Uses, Days              int64
}

// AdminInviting is the data of page "admininviting".
type AdminInviting struct {
	Outcome
	Link    string // of the invitation that was just made: shown once
	Until   time.Time
	Roles   []string // that may be given
	Typed   NewInvite
	Invited []InviteLine
}

// AdminWaiting is the data of page "adminwaiting".
type AdminWaiting struct {
	Outcome
	Waiting []*storage.SignUp
	Older   string
}

// An AnnouncementLine is an announcement, its state (message key announcement.STATE) and its times as forms write them.
type AnnouncementLine struct {
	*storage.Announcement
	State, From, Till string
}

// A NewAnnouncement is what was typed for one.
type NewAnnouncement struct{ Text, From, Till string }

// AdminAnnouncements is the data of page "adminannouncements".
type AdminAnnouncements struct {
	Outcome
	Typed         NewAnnouncement
	Most          int // characters
	Announcements []AnnouncementLine
	Older         string
}
