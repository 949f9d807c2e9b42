from client import ID_MAX, assert_problem, new_fields


def test_a_removed_user_is_gone(api, user):
    answer = api.delete(user["id"])
    assert answer.status_code == 204
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    assert_problem(api.get(f"/users/{user['id']}"), 404, "user_not_found")


def test_what_is_gone_cannot_be_touched(api, user):
    api.delete(user["id"])
    assert_problem(api.delete(user["id"]), 404, "user_not_found")
    assert_problem(api.put(user["id"], new_fields()), 404, "user_not_found")
    assert_problem(api.patch(user["id"], {"name": "Ghost"}), 404, "user_not_found")
    assert_problem(api.patch(user["id"], {}), 404, "user_not_found")


def test_removing_nobody_is_not_found(api):
    assert_problem(api.delete(ID_MAX), 404, "user_not_found")
    assert_problem(api.delete(0), 404)


def test_a_removed_user_leaves_the_email_address_and_not_the_id(api, user):
    api.delete(user["id"])
    assert api.create(email=user["email"])["id"] != user["id"]


def test_removing_one_user_leaves_the_others(api, user):
    other = api.create()
    api.delete(user["id"])
    api.assert_unchanged(other)


def test_users_cannot_be_removed_all_at_once(api, user):
    assert_problem(api.call("DELETE", "/users"), 405, "method_not_allowed")
    api.assert_unchanged(user)
