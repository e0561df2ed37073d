package view

import (
	"crypto/rand"
	"html/template"
	"time"

	"ruche/storage"
)

// SignIn is the data of page "signin".
type SignIn struct {
	Action   string // where the form goes
	Login    string // what was typed before
	Error    string // why it was refused, in the reader's language; empty: it wasn't
	App      string // the application that asks, if one does
	ReturnTo string
	Forgot   string // where a link for a new password is asked for; empty: nowhere
	Join     string // where an account is asked for; empty: nowhere
}

// Step is the data of page "step": one question or one answer. Its texts are in the reader's language.
type Step struct {
	Title, Lead, Error string
	Action, Button     string // of the form; no Action: no form
	Hidden             map[string]string
	Fields             []StepField
	Picture            template.URL // a data: address
	PictureText        string
	Codes              []string // to copy
	Link, LinkText     string
}

// A StepField is something to type.
type StepField struct {
	Name, Label, Type, Autocomplete string
	Min, Max                        int
	Value, Hint                     string
	Optional                        bool
	Rows                            int // of a text of several lines; 0: one
}

// A Grant is one thing that an application asks for: a message key, such as scope.read.
type Grant struct{ Key string }

// Consent is the data of page "consent".
type Consent struct {
	Action   string
	App      string
	Website  string // the application's, if it gave one
	Target   string // where the answer goes, in full, as a person reads it
	Grants   []Grant
	Account  string            // @user
	Fields   map[string]string // hidden fields, besides CSRF
	SignOut  string            // where "not you?" leads
	Redirect string            // origin or scheme of the redirect, for the page's policy
}

// FormAction lets the answer lead to the application.
func (c Consent) FormAction() string { return c.Redirect }

// Code is the data of page "code": an authorization code to copy into an app.
type Code struct {
	App, Code string
}

// Failure is the data of page "error".
type Failure struct {
	Status    int
	Title     string
	Text      string
	RequestID string
}

// Landing is the data of page "landing".
type Landing struct {
	Server string // what is typed into an app
	Rules  []string
	Texts  []HouseText
}

// A HouseText is what admins wrote about the node: message key landing.ID.
type HouseText struct{ ID, Text string }

// An AppLine is an application that acts for somebody.
type AppLine struct {
	ID      string
	Name    string
	Since   time.Time
	Website string
}

// A SignInLine is something that happened to somebody's sign-in.
type SignInLine struct {
	At      time.Time
	What    string // message key
	App     string
	Address string
	Reader  string // who read this list, if that is what happened
	Why     string
}

// A BrowserLine is a browser in which somebody is signed in.
type BrowserLine struct {
	ID, Name, Address string
	Since             time.Time
	This              bool // it is the one that asks
}

// Account is the data of page "account": what a person sees of their own account.
type Account struct {
	Name, Handle   string
	Department     string
	Server         string
	Apps           []AppLine
	Browsers       []BrowserLine
	MayMail        bool // an address can be confirmed by mail
	Email          string
	PendingEmail   string
	Factor         bool // a second factor is asked for
	CodesLeft      int  // recovery codes
	SignIns        []SignInLine
	RevokeAction   string
	PasswordAction string
	SignOutAction  string
	Saved          string // what was just done, as a message; empty: nothing
	Error          string
}

// Warnings is the data of page "warnings": what moderators did about somebody, for that person.
type Warnings struct {
	Account           *storage.Account
	Refused, Appealed bool
	Strikes           []WarningLine
}

// A WarningLine is one measure: message key measure.MEASURE.
type WarningLine struct {
	*storage.Strike
	MayAppeal bool
}

// A PostView is a post as a page shows it.
type PostView struct {
	Author   string
	Handle   string
	Profile  string
	Avatar   string
	At       time.Time
	Edited   bool
	Unshown  bool // it can't be drawn
	Warning  string
	Body     template.HTML // sanitised when it was stored
	Pictures []Picture
	Films    []Film
	Files    []FileLink // what isn't shown here
	// Sensitive: its author says that what hangs on it isn't for everybody's eyes.
	Sensitive bool
	Replies   int64
	Shares    int64
	Likes     int64
	Seen      string // message key: who sees it
	Link      string
	SharedBy  string
	// What the reader did with it, and may do.
	Liked, Shared, Kept, Mine, MayShare bool
	Picked, MayPick                     bool // for community managers
	ID, Visibility, Circle              string
	Department                          string // of the author
	CSRF, Return                        string // for the buttons' forms; no CSRF: no buttons
}

// A Picture is an image of a post.
type Picture struct{ URL, Alt string }

// A Film is a film of a post, or a sound.
type Film struct {
	URL, Alt string
	Sound    bool
}

// A FileLink is a file of a post that lives elsewhere.
type FileLink struct{ URL, Host, Alt string }

// SeenBy is the message that says who sees a post.
func SeenBy(p *storage.Post) string {
	if p.Open() && p.Circle != "" && p.Circle != storage.CircleNetwork {
		return "seen." + p.Circle
	}
	return "seen." + p.Visibility
}

// Hangs says whether anything is shown below the words.
func (p PostView) Hangs() bool { return len(p.Pictures)+len(p.Films)+len(p.Files) > 0 }

// Compose is the form to post.
type Compose struct {
	Text, Warning      string
	Visibility, Circle string
	Circles            []string // that may be chosen
	Answer             string   // id of the post that this answers
	Return             string
	MaxChars           int
	Error              string // why it was refused
}

// Once is a key that makes a form sent twice post once.
func (c Compose) Once() string { return rand.Text() }

// Timeline is the data of page "timeline": home, entity, network, a tag, or the form alone.
type Timeline struct {
	Which   string
	Tag     string
	Compose *Compose
	Posts   []PostView
	Older   string // address of the older ones; empty: these are all
}

// Post is the data of page "post": a thread around one post.
type Post struct {
	Before, Here, After []PostView
	// NotAbove and NotBelow say, as keys of messages, why parts of the conversation aren't here.
	NotAbove, NotBelow []string
	Compose            *Compose
}

// Title is whose post it is.
func (p Post) Title() string { return p.Here[0].Author }

// A PersonCard is a person as lists show them, with how the reader stands to them.
type PersonCard struct {
	ID, Name, Handle, Profile, Avatar           string
	Department                                  string
	Official                                    bool
	Me, Following, Requested, FollowsMe, AsksMe bool
	CSRF, Return                                string
}

// People is the data of page "people".
type People struct {
	Query  string
	People []PersonCard
}

// A NotificationLine is one thing that happened to the reader.
type NotificationLine struct {
	Key  string // message that says what
	From PersonCard
	At   time.Time
	Post *PostView
	Link string // where more is said, for what is about no post
}

// Notifications is the data of page "notifications".
type Notifications struct {
	Lines []NotificationLine
	Older string
}

// Profile is the data of page "profile".
type Profile struct {
	Person     PersonCard
	Bio        template.HTML
	Fields     []ProfileField
	Posts      []PostView
	PostsCount int64
	Followers  int64
	Following  int64
}

// A ProfileField is a line of a profile.
type ProfileField struct {
	Name  string
	Value template.HTML
}

// Charter is the data of page "charter": what everybody accepts before anything else.
type Charter struct {
	Text, Version, ReturnTo string
	Asks                    bool // it isn't accepted yet
}
