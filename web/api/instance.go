package api

import (
	"errors"
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// known is what an instance entity is made of.
type known struct {
	storage.Population
	rules   []Rule
	contact Contact
	pushKey string
	asks    bool // anybody may ask for an account
}

func (a *API) aboutInstance(r *http.Request) (known, error) {
	ctx := r.Context()
	var k known
	var err error
	if k.Population, err = a.DB.Population(ctx); err != nil {
		return k, err
	}
	if auth.Viewer(ctx) == storage.Nobody && !a.PublicPages {
		k.Posts = 0 // a count that moves tells of a post
	}
	if k.pushKey, err = a.DB.PushKey(ctx); err != nil {
		return k, err
	}
	how, err := a.DB.Joining(ctx)
	if err != nil {
		return k, err
	}
	k.asks = how == storage.JoinApproval
	if k.rules, err = a.rules(ctx); err != nil {
		return k, err
	}
	if k.contact.Email, err = a.DB.Setting(ctx, storage.SettingContactMail); err != nil {
		return k, err
	}
	name, err := a.DB.Setting(ctx, storage.SettingContact)
	if err != nil || name == "" {
		return k, err
	}
	who, err := a.DB.AccountByName(ctx, name, "")
	if errors.Is(err, storage.ErrNotFound) || err == nil && !who.Active() {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	k.contact.Account, err = a.reader(r).account(ctx, who)
	return k, err
}

// instanceV2 is GET /api/v2/instance.
func (a *API) instanceV2(w http.ResponseWriter, r *http.Request) error {
	k, err := a.aboutInstance(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).instance(k))
}

// instanceV1 is GET /api/v1/instance.
func (a *API) instanceV1(w http.ResponseWriter, r *http.Request) error {
	k, err := a.aboutInstance(r)
	if err != nil {
		return err
	}
	return auth.JSON(w, a.reader(r).instanceV1(k))
}
