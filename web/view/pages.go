package view

import (
	"html/template"
	"time"
)

// SignIn is the data of page "signin".
type SignIn struct {
	Action   string // where the form goes
	Login    string // what was typed before
	Error    string // why it was refused, in the reader's language; empty: it wasn't
	App      string // the application that asks, if one does
	ReturnTo string
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
}

// An AppLine is an application that acts for somebody.
type AppLine struct {
	ID      string
	Name    string
	Since   time.Time
	Website string
}

// Account is the data of page "account": what a person sees of their own account.
type Account struct {
	Name, Handle   string
	Department     string
	Server         string
	Apps           []AppLine
	RevokeAction   string
	PasswordAction string
	SignOutAction  string
	Saved          string // what was just done, as a message; empty: nothing
	Error          string
}

// A PostView is a post as a page shows it.
type PostView struct {
	Author    string
	Handle    string
	Profile   string
	Avatar    string
	At        time.Time
	Edited    bool
	Warning   string
	Body      template.HTML // sanitised when it was stored
	Pictures  []Picture
	Replies   int64
	Shares    int64
	Likes     int64
	Seen      string // message key: who sees it
	Link      string
	SharedBy  string
	Answering string
}

// A Picture is an image of a post.
type Picture struct{ URL, Alt string }

// Post is the data of page "post".
type Post struct {
	Post PostView
}

// Profile is the data of page "profile".
type Profile struct {
	Name, Handle string
	Avatar       string
	Department   string
	Official     bool
	Bio          template.HTML
	Fields       []ProfileField
	Posts        []PostView
	PostsCount   int64
	Followers    int64
	Following    int64
}

// A ProfileField is a line of a profile.
type ProfileField struct {
	Name  string
	Value template.HTML
}
