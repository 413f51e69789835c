target_link_libraries(unit_plain PRIVATE sigway::raw sigway::libdatachannel sigway::matchbox)
