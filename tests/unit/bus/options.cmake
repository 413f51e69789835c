target_link_libraries(unit_bus PRIVATE sigway_test_support sigway::channel sigway::login)
