// Package mail writes to the people of this node: a link to choose a new password, a link to confirm an address, word
// that something of their sign-in changed.
//
// What comes in are jobs that an act left; what goes out is plain text in the person's language, through the company's
// own mail server. The secret of a link is made when the mail is written and stands nowhere else: its hash is kept, and a
// mail that has to be sent again gets another. A name that nobody has is found out here and not where it was typed, so that
// the page's answer, and the time it takes, are the same for everybody.
//
// What must never happen: a password for the mail server in the clear over a network, a mail with a link to somebody who
// is suspended, an address in the log.
package mail

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"ruche/outbox/people"
	"ruche/storage"
	"ruche/storage/queue"
	"ruche/web/view"
)

// Options are what a Mailer needs.
type Options struct {
	DB        *storage.DB
	Views     *view.Views
	Site      view.Site
	PublicURL string // where links lead
	// URL is the mail server: smtp://user:password@host:587, or smtps://. Empty: nothing is mailed.
	URL  string
	From string
	// TLS may name more authorities; nil: the system's.
	TLS *tls.Config
}

// Mailer sends mails.
type Mailer struct {
	Options
	host string
	with []gomail.Option
}

// timeout bounds one delivery to the mail server, from dialling to its last answer.
const timeout = 30 * time.Second

// New makes a Mailer. The error says what is wrong with the server's address.
func New(opt Options) (*Mailer, error) {
	m := &Mailer{Options: opt}
	if opt.URL == "" {
		return m, nil
	}
	u, err := url.Parse(opt.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the mail server's address is not smtp://user:password@host:port")
	}
	m.host = u.Hostname()
	port, policy := 587, gomail.TLSOpportunistic
	if u.User != nil && !loopback(m.host) {
		policy = gomail.TLSMandatory // the password is for the server alone
	}
	if u.Scheme == "smtps" {
		port = 465
		m.with = append(m.with, gomail.WithSSL())
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, errors.New("the mail server's port is no number")
		}
	}
	m.with = append(m.with, gomail.WithPort(port), gomail.WithTLSPolicy(policy), gomail.WithTimeout(timeout))
	if opt.TLS != nil {
		with := opt.TLS.Clone()
		with.ServerName = m.host
		m.with = append(m.with, gomail.WithTLSConfig(with))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		how := gomail.SMTPAuthAutoDiscover
		if loopback(m.host) {
			how = gomail.SMTPAuthPlainNoEnc // a relay on this machine commonly has no TLS
		}
		m.with = append(m.with, gomail.WithSMTPAuth(how), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	return m, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Sends says whether there is a mail server.
func (m *Mailer) Sends() bool { return m.URL != "" }

// Register tells the queue who writes mails.
func (m *Mailer) Register(q *queue.Queue) { q.Handle(storage.JobMail, m.mail) }

// A letter is a mail that has been written.
type letter struct{ to, subject, body string }

func (m *Mailer) mail(ctx context.Context, job *storage.Job) error {
	var asked storage.Mail
	if err := json.Unmarshal([]byte(job.Args), &asked); err != nil {
		return queue.Permanent(err)
	}
	// Who waited an hour for a link has asked again.
	if !m.Sends() || m.DB.Now().Sub(job.CreatedAt) > people.ResetLife {
		return nil
	}
	l, err := m.write(ctx, asked)
	if err != nil || l == nil {
		return err
	}
	return m.send(ctx, l)
}

// write gives the letter; nil where nobody is to get one.
func (m *Mailer) write(ctx context.Context, asked storage.Mail) (*letter, error) {
	if asked.Kind == storage.MailRefused {
		locale := asked.Locale
		if locale == "" {
			locale = m.Site.Locale
		}
		return &letter{asked.To, m.Views.T(locale, "mail.refused.subject", m.Site.Name), m.Views.T(locale, "mail.refused.body", m.Site.Name)}, nil
	}
	u, err := m.user(ctx, asked)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a, err := m.DB.AccountByID(ctx, u.AccountID)
	if err != nil || !a.Active() {
		return nil, err
	}
	say := func(key string, args ...any) string {
		locale := u.Locale
		if locale == "" {
			locale = m.Site.Locale
		}
		return m.Views.T(locale, "mail."+key, args...)
	}
	link := func(purpose, email string, life time.Duration) (secret string, err error) {
		err = m.DB.Update(ctx, func(tx *storage.Tx) error {
			secret, err = people.NewLink(ctx, tx, u.AccountID, purpose, email, life)
			return err
		})
		return secret, err
	}
	switch asked.Kind {
	case storage.MailReset:
		secret, err := link(storage.MailReset, "", people.ResetLife)
		if err != nil {
			return nil, err
		}
		return &letter{u.Email, say("reset.subject", m.Site.Name), say("reset.body", a.Username, m.PublicURL+"/auth/reset?token="+secret)}, nil
	case storage.MailConfirm:
		if u.PendingEmail == "" {
			return nil, nil
		}
		secret, err := link(storage.MailConfirm, u.PendingEmail, people.ConfirmLife)
		if err != nil {
			return nil, err
		}
		return &letter{u.PendingEmail, say("confirm.subject", m.Site.Name), say("confirm.body", a.Username, m.PublicURL+"/auth/confirm?token="+secret)}, nil
	case storage.MailWelcome:
		return &letter{u.Email, say("welcome.subject", m.Site.Name), say("welcome.body", a.Username, m.PublicURL+"/auth/sign_in")}, nil
	case storage.MailChanged:
		to := asked.To
		if to == "" {
			to = u.Email
		}
		return &letter{to, say("changed.subject", m.Site.Name), say("changed.body", a.Username, say("changed."+asked.What), m.PublicURL+"/auth/account")}, nil
	}
	return nil, queue.Permanent(fmt.Errorf("nobody knows how to write a mail of the kind %q", asked.Kind))
}

func (m *Mailer) user(ctx context.Context, asked storage.Mail) (*storage.User, error) {
	if asked.Kind == storage.MailReset {
		return m.DB.UserByLogin(ctx, asked.Login)
	}
	return m.DB.UserByAccount(ctx, asked.Account)
}

// send hands a letter to the mail server. What it refuses for good is never tried again; no answer is.
func (m *Mailer) send(ctx context.Context, l *letter) error {
	client, err := gomail.NewClient(m.host, m.with...)
	if err != nil {
		return queue.Permanent(fmt.Errorf("prepare mail: %w", err))
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(m.Site.Name, m.From); err != nil {
		return queue.Permanent(errors.New("the sender's address can't be written: see RUCHE_MAIL_FROM"))
	}
	if err := msg.To(l.to); err != nil {
		return queue.Permanent(errors.New("the receiver's address can't be written"))
	}
	msg.Subject(l.subject)
	msg.SetDateWithValue(m.DB.Now())
	msg.SetMessageIDWithValue(storage.NewSecret()[:22] + "@" + m.Site.Domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes back
	msg.SetBodyString(gomail.TypeTextPlain, l.body)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil {
		return nil
	}
	// The words of the server may hold the address: only what kind of refusal it was is kept.
	var refused *gomail.SendError
	var network net.Error
	switch {
	case errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500:
		return queue.Permanent(fmt.Errorf("the mail server refused a mail with %d", refused.ErrorCode()))
	case errors.As(err, &refused):
		return fmt.Errorf("the mail server didn't take a mail: %d", refused.ErrorCode())
	case errors.As(err, &network):
		return fmt.Errorf("no mail server at %s: %w", m.host, err)
	default:
		return fmt.Errorf("mail: %w", err)
	}
}
